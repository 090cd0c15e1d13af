import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { startStand } from "./fake.ts";

const page = "<!doctype html><title>Wattlas</title>";
const script = "export const answer = 42;";

const startBuilt = async () => {
  const stand = await startStand();
  const chunks = join(stand.webDir, "_app", "immutable", "chunks");
  await mkdir(chunks, { recursive: true });
  await writeFile(join(stand.webDir, "index.html"), page);
  await writeFile(join(stand.webDir, "favicon.svg"), "<svg/>");
  await writeFile(join(chunks, "a1b2.js"), script);
  await writeFile(join(chunks, "a1b2.js.gz"), gzipSync(script));
  return stand;
};

test("without a build, a page says how to make one", async () => {
  await using stand = await startStand();
  const response = await fetch(stand.url);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("npm start");
});

test("every address of the application is the application", async () => {
  await using stand = await startBuilt();
  for (const path of ["/", "/site/hall", "/alerts?site=hall", "/index.html"]) {
    const response = await fetch(`${stand.url}${path}`);
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(await response.text()).toBe(page);
  }
});

test("hashed files are kept for ever and come compressed", async () => {
  await using stand = await startBuilt();
  const response = await fetch(`${stand.url}/_app/immutable/chunks/a1b2.js`, {
    headers: { "accept-encoding": "gzip" },
  });
  expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(response.headers.get("content-type")).toContain("javascript");
  expect(await response.text()).toBe(script);
});

test("a file that is not there is not a page", async () => {
  await using stand = await startBuilt();
  const response = await fetch(`${stand.url}/_app/immutable/chunks/gone.js`);
  expect(response.status).toBe(404);
  expect(response.headers.get("cache-control") ?? "").not.toContain("immutable");
});

test("nothing outside the folder is served", async () => {
  await using stand = await startBuilt();
  for (const path of ["/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/hostname", "/.hidden"]) {
    const text = await (await fetch(`${stand.url}${path}`)).text();
    expect(
      text === page || text.includes("DASHBOARD_ROUTE_UNKNOWN") || text.includes("DASHBOARD_REQUEST_REFUSED"),
    ).toBe(true);
  }
});

test("a posted page is not a page", async () => {
  await using stand = await startBuilt();
  expect((await fetch(`${stand.url}/site/hall`, { method: "POST" })).status).toBe(404);
});
