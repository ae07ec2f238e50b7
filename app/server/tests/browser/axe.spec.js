// No page has an accessibility fault that axe finds, in light, in dark and on a narrow screen.

import { expect, test } from "@playwright/test";
import { query, uniqueName } from "./answers.js";
import { check, narrow } from "./axe.js";

const pages = [
  "/",
  "/checklist",
  `/checklist?${query}&p99_ms=10&must=p99_ms`,
  "/checklist?owners=five&go_fluency=lots",
  "/checklist?workload=json_api&cores=40&owners=4&existing_code=go&rust_fluency=few",
  "/checklist?workload=json_api&cores=40&owners=4&cost_core_month=cheap&cost_horizon=12",
  `/checklist/record?service=axe&${query}`,
  "/decisions",
  "/decisions?q=nothing-is-called-this",
  "/decisions?due=2099-01-01",
  "/decisions?status=open&evidence=void",
  "/portfolio",
  "/portfolio?from=lately&team=nobody",
  "/evidence",
  "/evidence/fastjson-api",
  "/evidence/claims",
  "/evidence/compare",
  "/evidence/compare?a=none",
  "/evidence/live",
  "/demo/hybrid",
  "/evidence/fastjson-api?scenario=json-quotes-ladder",
  "/evidence/runs/fixture-causes",
  "/evidence/runs/nothing-is-called-this",
  "/evidence/method",
  "/evidence/cache-server",
  "/evidence/analytics-api",
  "/import",
  "/precedents",
  "/precedents?option=hybrid&q=nothing-is-called-this",
  "/precedents?year=lately&q=pingora",
  "/precedents/discord-readstates",
  "/precedents/esbuild",
  "/precedents/backtest",
  "/precedents/backtest?use=x",
  "/method",
  "/method?example=nothing-is-called-this",
  "/checklist?go_fluency=none&rust_fluency=none&constraints=no_rust",
  "/model",
  "/there-is-nothing-here",
];

for (const path of pages) {
  test(path.slice(0, 60), async ({ page }) => {
    // Every number of the model stands on one page, and each is looked at.
    if (path === "/model") test.slow();
    await page.goto(path);
    await check(page);
  });
}

test.describe("on a narrow screen", () => {
  test.use(narrow);
  test("a record, its edit form and a refused form", async ({ page }) => {
    const service = `${uniqueName()}-${"with-a-name-as-long-as-they-come".repeat(2)}`;
    await page.goto(`/checklist/record?service=${service}&${query}`);
    await page.locator("#option-go").check();
    await page.getByRole("button", { name: "Record the decision" }).click();
    // The old page is still there right after the click.
    await expect(page).toHaveTitle(/^Error: /);
    await check(page);
    await page.getByLabel(/Why not/).fill("Because.");
    await page.getByRole("button", { name: "Record the decision" }).click();
    await expect(page).toHaveURL(/\/decisions\/[0-9a-f-]{36}$/);
    await check(page);
    await page.getByRole("link", { name: "Edit" }).click();
    await expect(page).toHaveURL(/\/edit$/);
    await check(page);
    await page.goto("/decisions");
    await check(page);
  });
});
