// No page has an accessibility fault that axe finds, in light, in dark and on a narrow screen.

import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { query, uniqueName } from "./answers.js";

const looks = [
  { name: "light", use: { colorScheme: "light", viewport: { width: 1200, height: 900 } } },
  { name: "dark", use: { colorScheme: "dark", viewport: { width: 1200, height: 900 } } },
  { name: "narrow", use: { colorScheme: "light", viewport: { width: 375, height: 812 } } },
];

const pages = [
  "/",
  "/checklist",
  `/checklist?${query}&p99_ms=10&must=p99_ms`,
  "/checklist?owners=five&go_fluency=lots",
  `/checklist/record?service=axe&${query}`,
  "/decisions",
  "/decisions?q=nothing-is-called-this",
  "/evidence",
  "/evidence/fastjson-api",
  "/evidence/claims",
  "/evidence/compare",
  "/evidence/compare?a=none",
  "/evidence/method",
  "/method",
  "/there-is-nothing-here",
];

async function check(page) {
  // A new address shows before its style sheet has come.
  await page.waitForLoadState("load");
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`)).toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wider, "the page scrolls sideways").toBeLessThanOrEqual(0);
}

for (const look of looks) {
  test.describe(look.name, () => {
    test.use(look.use);
    for (const path of pages) {
      test(path.slice(0, 60), async ({ page }) => {
        await page.goto(path);
        await check(page);
      });
    }
    test("a record, its edit form and a refused form", async ({ page }) => {
      const service = `${uniqueName()}-${"with-a-name-as-long-as-they-come".repeat(2)}`;
      await page.goto(`/checklist/record?service=${service}&${query}`);
      await page.locator("#option-go").check();
      await page.getByRole("button", { name: "Record the decision" }).click();
      await check(page);
      await page.getByLabel(/Why not/).fill("Because.");
      await page.getByRole("button", { name: "Record the decision" }).click();
      await expect(page).toHaveURL(/\/decisions\/[0-9a-f-]{36}$/);
      await check(page);
      await page.getByRole("link", { name: "Edit" }).click();
      await check(page);
      await page.goto("/decisions");
      await check(page);
    });
  });
}
