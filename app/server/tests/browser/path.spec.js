// The main path, from the first answer to the file on disk.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { core, query, uniqueName } from "./answers.js";

const folder = process.env.ASSAY_DECISIONS;

// Every error a page causes: scripts, styles and addresses that the policy or the server refuses.
function watch(page) {
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return errors;
}

function fileOf(service) {
  const names = readdirSync(folder).filter((name) => name.includes(service) && name.endsWith(".toml"));
  expect(names).toHaveLength(1);
  return readFileSync(join(folder, names[0]), "utf8");
}

// Presses Tab until the control has the focus, as a person at a keyboard does.
async function tabTo(page, selector) {
  for (let presses = 0; presses < 150; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
  }
  throw new Error(`the keyboard never reached ${selector}`);
}

test("keyboard alone leads from the overview to a record", async ({ page }) => {
  const errors = watch(page);
  const service = uniqueName();
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await tabTo(page, 'main a[href="/checklist"]');
  await page.keyboard.press("Enter");
  await expect(page.getByText("No advice yet")).toBeVisible();
  // The script that follows the answers comes last.
  await page.waitForLoadState("load");
  await tabTo(page, "#service");
  await page.keyboard.type(service);
  for (const [id, value] of core) {
    await tabTo(page, `[name="${id}"]`);
    const type = await page.evaluate(() => document.activeElement.type);
    if (type === "text") {
      await page.keyboard.type(value);
    } else if (type === "checkbox") {
      if ((await page.evaluate(() => document.activeElement.value)) !== value) await tabTo(page, `[name="${id}"][value="${value}"]`);
      await page.keyboard.press("Space");
    } else {
      // Space takes the first answer, the arrows move on from it.
      await page.keyboard.press("Space");
      for (let moves = 0; moves < 8; moves++) {
        if ((await page.evaluate(() => document.activeElement.value)) === value) break;
        await page.keyboard.press("ArrowDown");
      }
    }
    await expect(page.locator(`[name="${id}"]:checked, input[type=text][name="${id}"]`).first()).toHaveValue(value);
  }
  await expect(page).toHaveURL(/priorities=safety/);
  await expect(page.locator("#advice")).toContainText("of 16,384 plausible readings");
  await tabTo(page, '#advice a[href^="/checklist/record"]');
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Check the answers" })).toBeVisible();
  await tabTo(page, 'form.record-form button');
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/decisions\/[0-9a-f-]{36}$/);
  await expect(page.getByRole("heading", { level: 1 })).toContainText(service);
  expect(fileOf(service)).toContain('rust_fluency = "most"');
  expect(errors).toEqual([]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the same path leads to the same place", async ({ page }) => {
    const service = uniqueName();
    await page.goto("/checklist");
    await page.getByLabel("Service name").fill(service);
    for (const [id, value] of core) {
      const control = page.locator(`[name="${id}"][value="${value}"]`);
      if (await control.count()) await control.check();
      else await page.locator(`input[type=text][name="${id}"]`).fill(value);
    }
    await page.getByRole("button", { name: "Update advice" }).click();
    await expect(page.locator("#advice")).toContainText("of 16,384 plausible readings");
    await page.getByRole("link", { name: "Record the decision" }).click();
    await expect(page).toHaveURL(/\/checklist\/record/);
    await page.locator("#status-accepted").check();
    const option = page.locator("[name=option]:checked");
    if ((await option.getAttribute("value")) === "") await page.locator("#option-rust").check();
    await page.getByRole("button", { name: "Record the decision" }).click();
    await expect(page).toHaveURL(/\/decisions\/[0-9a-f-]{36}$/);
    await expect(page.getByRole("heading", { level: 1 })).toContainText(service);
    await page.goto(`/decisions?q=${service}`);
    await expect(page.getByRole("link", { name: new RegExp(service) })).toBeVisible();
    expect(fileOf(service)).toContain('status = "accepted"');
  });

  test("going against the advice asks why, and asks nothing otherwise", async ({ page }) => {
    const service = uniqueName();
    await page.goto(`/checklist/record?service=${service}&${query}`);
    const why = page.getByLabel(/Why not/);
    await expect(why).toBeHidden();
    await page.locator("#option-go").check();
    await expect(why).toBeVisible();
    await page.getByRole("button", { name: "Record the decision" }).click();
    await expect(page).toHaveTitle(/^Error: /);
    await page.getByRole("link", { name: /Say why/ }).click();
    await why.fill("The platform team can only run Go.");
    await page.getByRole("button", { name: "Record the decision" }).click();
    await expect(page).toHaveURL(/\/decisions\/[0-9a-f-]{36}$/);
    await expect(page.getByText("The platform team can only run Go.")).toBeVisible();
    expect(fileOf(service)).toContain("override_reason");
  });
});

test("the panel follows the answers without moving the focus", async ({ page }) => {
  const errors = watch(page);
  await page.goto("/checklist");
  await page.locator('[name="rust_fluency"][value="most"]').check();
  await expect(page).toHaveURL(/rust_fluency=most/);
  await expect(page.locator("#advice .headline")).not.toHaveText("No advice yet");
  await expect(page.locator("#advice-status")).not.toBeEmpty();
  await page.locator("#owners").pressSequentially("12");
  await expect(page).toHaveURL(/owners=12/);
  await expect(page.locator("#owners")).toBeFocused();
  expect(errors).toEqual([]);
  await page.locator("#owners").fill("many");
  await expect(page.locator("#advice")).toContainText("many");
});

test("don't know and an answer exclude each other", async ({ page }) => {
  await page.goto("/checklist");
  const unsure = page.locator('[name="owners"][value="unknown"]');
  await page.locator("#owners").fill("4");
  await unsure.check();
  await expect(page.locator("#owners")).toHaveValue("");
  await page.locator("#owners").fill("6");
  await expect(unsure).not.toBeChecked();
  await page.locator('[name="priorities"][value="unknown"]').check();
  await page.locator('[name="priorities"][value="safety"]').check();
  await expect(page.locator('[name="priorities"][value="unknown"]')).not.toBeChecked();
});

test("back and forward keep the answers", async ({ page }) => {
  await page.goto("/checklist");
  await page.locator('[name="go_fluency"][value="most"]').check();
  await page.locator("#owners").fill("7");
  await expect(page).toHaveURL(/go_fluency=most.*owners=7/);
  await page.getByRole("link", { name: "Method", exact: true }).click();
  await expect(page).toHaveURL(/\/method$/);
  await page.goBack();
  await expect(page.locator('[name="go_fluency"][value="most"]')).toBeChecked();
  await expect(page.locator("#owners")).toHaveValue("7");
  await expect(page.locator("#advice .headline")).not.toHaveText("No advice yet");
  await page.goForward();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("computed");
});

test("the next question is one click away, also when folded", async ({ page }) => {
  // So close that a question of the fold decides.
  const close = { invariants: "some", workload: "other", tail_latency: "relaxed", libraries: "mainstream", separable_core: "yes" };
  await page.goto(`/checklist?${new URLSearchParams({ ...Object.fromEntries(core), ...close })}`);
  const next = page.locator('#advice a[href^="#q-"]').first();
  await expect(next).toBeVisible();
  const id = (await next.getAttribute("href")).slice(3);
  await next.click();
  await expect(page.locator(`[name="${id}"]`).first()).toBeFocused();
});
