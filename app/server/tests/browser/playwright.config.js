import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

// The Rust test `tests/it/browser.rs` starts assay and says where it is.
export default defineConfig({
  testDir: ".",
  outputDir: process.env.ASSAY_OUTPUT ?? join(tmpdir(), "assay-browser"),
  // Nothing is judged by time; on a busy machine axe takes tens of seconds for a long page.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  workers: 2,
  fullyParallel: true,
  reporter: [["list"]],
  use: {
    baseURL: process.env.ASSAY_URL ?? "http://127.0.0.1:8080",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    },
  },
});
