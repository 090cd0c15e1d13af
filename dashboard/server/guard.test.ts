import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { alertOf, type Stand, saveAlert, startStand } from "./fake.ts";

let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ env: { DASHBOARD_COMMANDS_PER_MIN: "5", DASHBOARD_HOSTS: "Hall.example.org" } });
  await saveAlert(stand.ledger, alertOf({ id: "a1" }));
});
afterAll(() => stand[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: { code?: string };
}

// fetch does not let a program choose Host, Origin or Sec-Fetch-Site.
const send = (to: Stand, method: string, path: string, headers: Record<string, string>): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const body = method === "POST" ? JSON.stringify({ by: "Ana", text: "hello" }) : "";
    const { port } = to.dashboard.address;
    const outgoing = request(
      { host: "127.0.0.1", port, method, path, headers: { "content-type": "application/json", ...headers } },
      async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
const read = (headers: Record<string, string>) => send(stand, "GET", "/api/v1/sites", headers);
const command = (headers: Record<string, string>) => send(stand, "POST", "/api/v1/alerts/a1/comment", headers);

test("a foreign host name is refused: it may be rebound to us", async () => {
  expect(await read({ host: "evil.example" })).toMatchObject({
    status: 421,
    body: { code: "DASHBOARD_HOST_REFUSED" },
  });
  expect((await send(stand, "GET", "/metrics", { host: "evil.example:8080" })).status).toBe(421);
});
test("an IP address is served", async () => expect((await read({ host: "[::1]:8080" })).status).toBe(200));
test("localhost is served", async () => expect((await read({ host: "LocalHost:8080" })).status).toBe(200));
test("a name of DASHBOARD_HOSTS is served", async () =>
  expect((await read({ host: "hall.example.org" })).status).toBe(200));

test("a command from a foreign page is refused", async () => {
  const refused = { status: 403, body: { code: "DASHBOARD_ORIGIN_REFUSED" } };
  expect(await command({ "sec-fetch-site": "cross-site" })).toMatchObject(refused);
  expect(await command({ "sec-fetch-site": "same-site" })).toMatchObject(refused);
  expect(await command({ origin: "http://evil.example" })).toMatchObject(refused);
  expect(await command({ origin: "null" })).toMatchObject(refused);
});

test("a command from our own page or from a program is taken", async () => {
  const own = { host: "localhost:8080", origin: "http://localhost:8080" };
  expect((await command({ "sec-fetch-site": "same-origin" })).status).toBe(200);
  expect((await command(own)).status).toBe(200);
  expect((await command({})).status).toBe(200);
});

test("commands beyond the allowance wait, whatever their verb; reading goes on", async () => {
  const answers: Answer[] = [];
  for (let i = 0; i < 6; i++)
    answers.push(await send(stand, "POST", `/api/v1/alerts/a1/${i % 2 ? "ack" : "comment"}`, {}));
  expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: "DASHBOARD_RATE_LIMITED" } });
  expect(answers.at(-1)?.headers["retry-after"]).toBeDefined();
  expect((await read({})).status).toBe(200);
});

test("an exposed server is read-only", async () => {
  await using exposed = await startStand({ env: { DASHBOARD_HOST: "0.0.0.0", DASHBOARD_EXPOSE: "read-only" } });
  expect(exposed.url).toMatch(/^http:\/\/localhost:\d+$/);
  expect((await send(exposed, "GET", "/api/v1/sites", {})).status).toBe(200);
  expect(await send(exposed, "POST", "/api/v1/alerts/a1/ack", {})).toMatchObject({
    status: 403,
    body: { code: "DASHBOARD_READ_ONLY" },
  });
});

test("every answer forbids framing, sniffing and leaking the address", async () => {
  const { headers } = await read({});
  expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  });
});
