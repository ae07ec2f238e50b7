// Two runs chosen on the page and compared: it needs no script, and has no accessibility fault.

import { expect, test } from "@playwright/test";
import { check, narrow } from "./axe.js";

async function compareItself(page) {
  await page.goto("/evidence/compare");
  await page.getByLabel("Run", { exact: true }).selectOption({ index: 1 });
  await page.getByLabel("against").selectOption({ index: 1 });
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page).toHaveURL(/compare\?a=.+&b=.+/);
  await expect(page.getByRole("heading", { name: "Metric by metric" })).toBeVisible();
  await expect(page.getByText("This is one run beside itself.")).toBeVisible();
}

test.describe("without script", () => {
  test.use({ javaScriptEnabled: false });
  test("a run beside itself", async ({ page }) => compareItself(page));
});

test.describe("on a narrow screen", () => {
  test.use(narrow);
  test("a run beside itself", async ({ page }) => {
    await compareItself(page);
    await check(page);
  });
});
