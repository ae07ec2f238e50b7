// Trying an edited model: from its text to the faults in place, mended, to what it would change.

import { writeFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { check, narrow } from "./axe.js";

test.describe("on a narrow screen", () => {
  test.use(narrow);
  test("an edited model is mended and tried", async ({ page }, info) => {
    const response = await page.request.get("/model.toml");
    const good = (await response.text()).replace(/^version = "/m, 'version = "ours-');
    const broken = good.replace("core = true", "cor = true").replace("go = 0.6", "go = 6");
    const file = info.outputPath("ours.toml");
    writeFileSync(file, broken);

    await page.goto("/model");
    await page.getByLabel("Fill in from a file").setInputFiles(file);
    await expect(page.locator("#text")).toHaveValue(broken);
    await page.getByRole("button", { name: "Try it" }).click();
    await expect(page).toHaveTitle(/^Error: /);
    await expect(page.locator(".problems")).toBeFocused();
    await expect(page.getByText("2 places need mending")).toBeVisible();
    await check(page);

    // The file's button follows the colours of the page.
    await page.emulateMedia({ colorScheme: "dark" });
    const button = await page.locator('input[type="file"]').evaluate((input) => {
      const paint = (style) => style.backgroundColor;
      return [paint(getComputedStyle(input, "::file-selector-button")), paint(getComputedStyle(input.form.querySelector("textarea")))];
    });
    expect(button[0]).toBe(button[1]);

    // Each fault leads to its line, and nothing typed is lost.
    await page.locator("a[data-line]").first().click();
    const selected = await page.evaluate(() => {
      const area = document.activeElement;
      return area.value.slice(area.selectionStart, area.selectionEnd);
    });
    expect(selected).toBe("cor = true");
    await page.locator("#text").fill((await page.locator("#text").inputValue()).replace("cor = true", "core = true").replace("go = 6,", "go = 0.95,"));
    await page.getByRole("button", { name: "Try it" }).click();
    await expect(page.getByRole("heading", { name: "It can be used" })).toBeVisible();
    await expect(page.getByRole("heading", { name: /documented decisions/ })).toBeVisible();
    await check(page);
  });
  test("a worked example for each preset", async ({ page }) => {
    await page.goto("/method?example=fintech-json-api");
    await expect(page.getByText("They are equal")).toBeVisible();
    await check(page);
  });
});
