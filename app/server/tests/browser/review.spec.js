// From a proposal to its successor in the browser, each page looked at in every look.

import { expect, test } from "@playwright/test";
import { core, uniqueName } from "./answers.js";
import { check, looks } from "./axe.js";

// Records a decision over the API, as a colleague's script would.
async function record(page, more) {
  const answers = Object.fromEntries(core.map(([id, value]) => [id, id === "owners" ? Number(value) : id === "priorities" ? [value] : value]));
  const answer = await page.request.post("/api/v1/decisions", { data: { title: `Language for ${uniqueName()}`, answers, ...more } });
  expect(answer.status()).toBe(201);
  return `/decisions/${(await answer.json()).id}`;
}

for (const look of looks) {
  test.describe(look.name, () => {
    test.use(look.use);

    test("propose, ask for changes, amend, approve, accept", async ({ page }) => {
      const address = await record(page, {});
      await page.goto(`${address}/review`);
      await check(page);
      await page.getByRole("button", { name: "Propose it" }).click();
      await page.getByRole("link", { name: "Review" }).click();
      await page.getByLabel("Request changes").check();
      await page.getByRole("button", { name: "Send the review" }).click();
      await expect(page).toHaveTitle(/^Error: /);
      await check(page);
      await page.getByLabel("About").selectOption("context");
      await page.getByLabel("Comment", { exact: true }).last().fill("Say who is on call.");
      await page.getByRole("button", { name: "Send the review" }).click();
      await expect(page.getByText("Say who is on call.")).toBeVisible();
      await page.goto(`${address}/edit`);
      await page.getByLabel("Context").fill("Identity is on call.");
      await page.getByRole("button", { name: "Save" }).click();
      await expect(page.getByText("The text changed since")).toBeVisible();
      await page.getByRole("link", { name: "See what changed" }).click();
      await expect(page.locator("tr.come")).toContainText(["Identity is on call."]);
      await check(page);
      await page.goto(`${address}/history`);
      await check(page);
      await page.getByRole("button", { name: "Compare" }).click();
      await expect(page).toHaveURL(/\/diff\?a=/);
      await page.goto(`${address}/review`);
      await page.getByLabel("Approve").check();
      await page.getByRole("button", { name: "Send the review" }).click();
      await page.getByRole("button", { name: "Accept it" }).click();
      await expect(page).toHaveURL(new RegExp(`${address}$`));
      await expect(page.getByText("Read the text as it stands.")).toBeVisible();
      await check(page);
    });

    test("a day comes, the decision is superseded, the old one says so", async ({ page }) => {
      const address = await record(page, { status: "accepted", review_by: "2020-01-01" });
      await page.goto(address);
      await page.getByRole("link", { name: "Revisit" }).click();
      await expect(page.getByText("Its day has come: 2020-01-01.")).toBeVisible();
      await check(page);
      await page.getByLabel("Supersede").check();
      await page.getByRole("button", { name: "Note it" }).click();
      await expect(page).toHaveTitle(/^Error: /);
      await check(page);
      await page.getByLabel("Why").fill("The team is another one.");
      await page.getByRole("button", { name: "Note it" }).click();
      await expect(page.getByRole("heading", { name: "Check the answers" })).toBeVisible();
      await check(page);
      await page.getByRole("link", { name: "Back to the checklist" }).click();
      await check(page);
      await page.locator('#advice a[href^="/checklist/record"]').click();
      await page.getByLabel("Accepted").check();
      await page.getByRole("button", { name: "Record the decision" }).click();
      await expect(page.getByText("Supersedes")).toBeVisible();
      await page.goto(address);
      await expect(page.getByText("Superseded by")).toBeVisible();
      await page.goto(`${address}/review`);
      await check(page);
    });
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a trigger is fired by hand and answered", async ({ page }) => {
    const address = await record(page, { status: "accepted" });
    await page.goto(`${address}/review`);
    await page.getByRole("button", { name: /^Fire/ }).first().click();
    await expect(page.getByText(/fired on/).first()).toBeVisible();
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Due for review" })).toBeVisible();
    await page.goto(`${address}/review`);
    await page.getByLabel("Keep").check();
    await page.getByLabel("Why").fill("It was a false alarm.");
    await page.getByRole("button", { name: "Note it" }).click();
    await expect(page.getByText("Revisited and kept")).toBeVisible();
  });
});
