// The pages of a record's life: imported, proposed, reviewed, accepted, revisited and superseded,
// through the real forms on a narrow screen; and what the records amount to together.

import { expect, test } from "@playwright/test";
import { query, uniqueName } from "./answers.js";
import { check, narrow } from "./axe.js";

test.use(narrow);

const press = (page, name) => page.getByRole("button", { name }).click();

test("files of another tool are looked at first, then imported", async ({ page }) => {
  const name = uniqueName();
  const file = (title, status) => ({
    name: `${title}.md`,
    mimeType: "text/markdown",
    buffer: Buffer.from(`# ${title}\n\n* Status: ${status}\n\n## Context\n\nWe need it.\n`),
  });
  await page.goto("/decisions");
  await page.getByRole("link", { name: "Import" }).click();
  await press(page, "Show what would happen");
  await expect(page).toHaveTitle(/^Error: /);
  await check(page);
  await page.goto("/import");
  await page.getByLabel("Files of decisions").setInputFiles([file(`${name}-one`, "accepted"), file(`${name}-two`, "in review")]);
  await press(page, "Show what would happen");
  await expect(page.getByText("nothing is written yet")).toBeVisible();
  await page.getByLabel("“in review”").selectOption("proposed");
  await check(page);
  await press(page, "Look again");
  await press(page, "Import these 2 decisions");
  await expect(page.getByRole("heading", { name: "What was done" })).toBeVisible();
  await check(page);
  await page.getByRole("link", { name: "See the decisions" }).click();
  await page.goto(`/decisions?q=${name}&status=proposed`);
  await expect(page.locator(".records > li")).toHaveCount(1);
});

test("a draft is proposed, reviewed, accepted, revisited and superseded", async ({ page }) => {
  const service = uniqueName();
  await page.goto(`/checklist/record?service=${service}&${query}`);
  await page.getByLabel("Team").fill(service);
  await page.locator("#option-rust").check();
  await press(page, "Record the decision");
  await expect(page).toHaveURL(/\/decisions\/[0-9a-f-]{36}$/);
  const record = page.url();
  await page.getByRole("link", { name: "Review" }).click();
  await check(page);
  await press(page, "Propose it");
  await page.goto(`${record}/review`);
  await page.getByLabel("Request changes").check();
  await press(page, "Send the review");
  await expect(page).toHaveTitle(/^Error: /);
  await expect(page.locator(".problems")).toBeFocused();
  await check(page);
  await page.getByLabel("Approve").check();
  await press(page, "Send the review");
  await expect(page.getByText("Read the text as it stands.")).toBeVisible();
  await press(page, "Accept it");
  await expect(page).toHaveURL(record);
  await expect(page.getByText("Accepted", { exact: true })).toBeVisible();

  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Title").fill(`Amended ${service}`);
  await press(page, "Save");
  await page.getByRole("link", { name: "Revisit" }).click();
  await page.getByRole("button", { name: /^It came true/ }).first().click();
  await page.goto(`${record}/review`);
  await expect(page.getByRole("heading", { name: "Why now" })).toBeVisible();
  await check(page);
  await page.goto(`${record}/history`);
  await check(page);
  await press(page, "Compare");
  await expect(page).toHaveURL(/\/diff\?.+/);
  await check(page);

  await page.goto(`${record}/edit`);
  await page.getByRole("link", { name: /supersedes it/ }).click();
  await page.locator("#option-go").check();
  await page.getByLabel(/Why not/).fill("They know it.");
  await page.locator("#status-accepted").check();
  await press(page, "Record the decision");
  await page.goto(record);
  await expect(page.getByText("Superseded by")).toBeVisible();
  await check(page);

  // A number of the portfolio leads to its records.
  await page.goto(`/portfolio?team=${service}`);
  await expect(page.locator(".tree > li > ul > li")).toContainText(`Amended ${service}`);
  await check(page);
  const row = page.getByRole("row", { name: /^Against the advice/ });
  await row.getByRole("link").first().click();
  await expect(page).toHaveURL(/decided=yes/);
  await expect(page.locator(".records > li")).toHaveCount(1);
  await check(page);
});
