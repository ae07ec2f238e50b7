// The precedents: filtered without a script and by keyboard, one opened in the checklist, and the
// nearest of them beside the advice.

import { expect, test } from "@playwright/test";
import { query } from "./answers.js";
import { check } from "./axe.js";

async function tabTo(page, selector) {
  for (let presses = 0; presses < 150; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
  }
  throw new Error(`the keyboard never reached ${selector}`);
}

test.describe("without script", () => {
  test.use({ javaScriptEnabled: false });
  test("a filter narrows the list, and its address does it again", async ({ page }) => {
    await page.goto("/precedents");
    const rows = page.locator(".records > li");
    const all = await rows.count();
    await page.getByLabel("Chosen").selectOption("hybrid");
    await page.getByLabel("Decided").selectOption("2020-");
    await page.getByRole("button", { name: "Filter" }).click();
    await expect(page).toHaveURL(/option=hybrid.*year=2020-|year=2020-.*option=hybrid/);
    const fewer = await rows.count();
    expect(fewer).toBeGreaterThan(0);
    expect(fewer).toBeLessThan(all);
    await page.goto(page.url());
    await expect(rows).toHaveCount(fewer);
    await expect(page.getByLabel("Chosen")).toHaveValue("hybrid");
    await page.getByRole("link", { name: "Clear" }).click();
    await expect(rows).toHaveCount(all);
  });
  test("a case opens in the checklist", async ({ page }) => {
    await page.goto("/precedents/discord-readstates");
    await page.getByRole("link", { name: "Open these answers in the checklist" }).first().click();
    await expect(page.locator('[name="go_fluency"]:checked')).toHaveValue("most");
    await expect(page.locator("#advice")).toContainText("of 16,384 plausible readings");
  });
});

test("keyboard alone leads from a search to a case and its sources", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto("/precedents");
  await tabTo(page, "#q");
  await page.keyboard.type("pingora");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/q=pingora/);
  await expect(page.locator(".records > li")).toHaveCount(1);
  await tabTo(page, '.records a[href="/precedents/pingora"]');
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Pingora");
  await tabTo(page, 'a[href="#source-S1"]');
  await page.keyboard.press("Enter");
  await expect(page.locator("#source-S1")).toBeInViewport();
});

test("the nearest precedents follow the answers, and their fold stays open", async ({ page }) => {
  await page.goto("/checklist");
  await page.locator('[name="rust_fluency"][value="most"]').check();
  const fold = page.locator("#precedents");
  await expect(fold).toContainText("too few answers");
  await fold.locator("summary").click();
  await expect(fold).toContainText("No documented decision can be compared yet");
  for (const [id, value] of [["go_fluency", "few"], ["invariants", "intricate"], ["workload", "gateway"], ["untrusted_input", "core_job"], ["failure_consequence", "serious"]]) {
    await page.locator(`[name="${id}"][value="${value}"]`).check();
    await expect(page).toHaveURL(new RegExp(`${id}=${value}`));
  }
  await expect(fold.locator("li a").first()).toBeVisible();
  await expect(fold).toContainText("% alike");
  await expect(fold).toHaveAttribute("open", "");
});

test("a narrow screen shows the first figures beside the heads of the rows", async ({ page }) => {
  await page.setViewportSize({ width: 375, height: 812 });
  await page.goto("/precedents/backtest");
  const ends = await page.locator(".sections .scroll:visible table").evaluateAll((tables) =>
    tables.map((table) => table.querySelector("tbody td.num").getBoundingClientRect().right));
  expect(ends.length).toBeGreaterThan(3);
  expect(Math.max(...ends)).toBeLessThanOrEqual(375);
});

test("the main links take two lines of a narrow screen", async ({ page }) => {
  await page.setViewportSize({ width: 375, height: 812 });
  await page.goto("/precedents");
  const lines = await page.locator(".nav a").evaluateAll((links) =>
    new Set(links.map((link) => Math.round(link.getBoundingClientRect().top))).size);
  expect(lines).toBeLessThanOrEqual(2);
});

test("the panel with the nearest precedents", async ({ page }) => {
  await page.goto(`/checklist?${query}`);
  await check(page);
  await expect(page.locator("#precedents ol > li").first()).toBeVisible();
});
