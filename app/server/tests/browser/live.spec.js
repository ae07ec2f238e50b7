// Measuring from the page. The server behind ASSAY_LIVE_URL does in seconds what takes minutes; it
// measures one run at a time, so these tests follow one another.

import { expect, test } from "@playwright/test";
import { check, narrow } from "./axe.js";

test.describe.configure({ mode: "serial" });
test.use({ baseURL: process.env.ASSAY_LIVE_URL });

const path = "/evidence/live";
// The page that follows has the same address, and the old one shows the new stage while it waits:
// only the load event tells them apart.
const leave = (page, control) => Promise.all([page.waitForEvent("load"), control.click()]);
const start = (page) => leave(page, page.getByRole("button", { name: "Start measuring" }));
const cancel = (page) => leave(page, page.getByRole("button", { name: "Cancel the run" }));
const heading = (page, name) => expect(page.getByRole("heading", { name })).toBeVisible({ timeout: 15_000 });

test("a run is followed, survives a reload, and is cancelled", async ({ page, context }) => {
  // A full run stays in its second block until it is cancelled.
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(path);
  await page.getByRole("radio", { name: /^Full/ }).check();
  await start(page);
  await heading(page, "Measuring");
  let loads = 0;
  page.on("load", () => loads++);
  await expect(page.getByText("block 2 of 3", { exact: false }).first()).toBeVisible({ timeout: 15_000 });
  await expect(page.getByRole("table")).toContainText("1 of 3 blocks.");
  await expect(page.getByRole("status")).toHaveText("Measuring: 1 of 3 blocks are finished.");
  expect(loads, "the page follows by itself").toBe(0);

  await page.reload();
  await heading(page, "Measuring");
  await expect(page.getByRole("table")).toContainText("of 3 blocks.");
  const second = await context.newPage();
  await second.goto(path);
  await heading(second, "Measuring");
  await second.close();

  await cancel(page);
  await heading(page, "The run was cancelled");
  await expect(page.getByText("1 of 3 blocks were finished and are kept.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Start measuring" })).toBeVisible();
  expect(errors).toEqual([]);
});

test("a finished run is picked for the advice, and given up again", async ({ page }) => {
  await page.goto(path);
  await start(page);
  await page.getByRole("button", { name: "Cancel the run" }).focus();
  await heading(page, "The run is finished");
  await expect(page.locator("#live"), "the focus is not lost with the button").toBeFocused();
  await page.getByRole("link", { name: "Let the advice use it" }).click();
  await expect(page).toHaveURL(/#use/);
  await page.reload();
  const quotes = page.locator("#use-json-quotes");
  await quotes.getByRole("radio", { name: /^stand-in-json-quotes/ }).first().check();
  await leave(page, quotes.getByRole("button", { name: "Use this run" }));
  await expect(page).toHaveURL(/#use-json-quotes$/);
  await expect(quotes.getByRole("radio", { name: /^stand-in-json-quotes/ }).first()).toBeChecked();
  await page.goto("/checklist?workload=json_api&owners=3");
  await expect(page.locator("#advice")).toContainText("stand-in-json-quotes");
  await page.goto(path);
  await quotes.getByRole("radio", { name: /newest complete full run/ }).check();
  await leave(page, quotes.getByRole("button", { name: "Use this run" }));
  await expect(quotes.getByRole("radio", { name: /newest complete full run/ })).toBeChecked();
});

test.describe("on a narrow screen", () => {
  test.use(narrow);
  test("axe finds nothing while a run goes on or after it", async ({ page }) => {
    await page.goto(path);
    await page.getByRole("radio", { name: /^Full/ }).check();
    await start(page);
    await expect(page.getByText("block 2 of 3", { exact: false }).first()).toBeVisible({ timeout: 15_000 });
    await check(page);
    await cancel(page);
    await heading(page, "The run was cancelled");
    await check(page);
  });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("a run is started, looked at and cancelled", async ({ page }) => {
    await page.goto(path);
    await page.getByRole("radio", { name: /^Full/ }).check();
    await start(page);
    await heading(page, "Measuring");
    const look = page.getByRole("link", { name: "Look how far it is" });
    const shown = (text) => page.locator("#live").getByText(text).first().isVisible();
    await expect(async () => {
      await leave(page, look);
      expect(await shown("block 2 of 3")).toBe(true);
    }).toPass({ timeout: 15_000 });
    await cancel(page);
    await expect(async () => {
      await page.goto(path);
      expect(await shown("The run was cancelled")).toBe(true);
    }).toPass({ timeout: 15_000 });
  });
});
