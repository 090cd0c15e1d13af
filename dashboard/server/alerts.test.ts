import { afterAll, beforeAll, expect, test } from "vitest";
import type { Alert } from "#rules";
import { alertOf, type Stand, saveAlert, startStand } from "./fake.ts";
import type { AckWire, AlertsWire, AssignWire, CommentWire, ShelveWire } from "./wire.ts";

let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ env: { DASHBOARD_COMMANDS_PER_MIN: "1000" } });
  await saveAlert(stand.ledger, alertOf({ id: "a1", start: 1000, rule: "R01", severity: "CRITICAL" }));
  await saveAlert(stand.ledger, alertOf({ id: "a2", start: 2000, rule: "R04", severity: "MAJOR", state: "UNKNOWN" }));
  await saveAlert(stand.ledger, alertOf({ id: "a3", start: 3000, rule: "R16", severity: "WARNING", state: "CLOSED" }));
  await saveAlert(stand.ledger, alertOf({ id: "b1", start: 4000, site: "attic" }));
});
afterAll(() => stand[Symbol.asyncDispose]());

const ids = async (query: string): Promise<readonly string[]> => {
  const body = (await (await fetch(`${stand.url}/api/v1/alerts${query}`)).json()) as AlertsWire;
  return body.items.map(({ id }) => id);
};
const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`${stand.url}/api/v1/alerts/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Alert & { code: string; errors?: unknown[] } };
};

test("alerts come newest first", async () => expect(await ids("")).toEqual(["b1", "a3", "a2", "a1"]));
test("a filter takes one value", async () => expect(await ids("?site=hall&state=ACTIVE")).toEqual(["a1"]));
test("a filter takes several values", async () =>
  expect(await ids("?site=hall&state=ACTIVE,UNKNOWN")).toEqual(["a2", "a1"]));
test("a filter excludes", async () => expect(await ids("?site=hall&rule=!R04,R16")).toEqual(["a1"]));
test("filters join", async () => expect(await ids("?severity=!CRITICAL&state=!CLOSED")).toEqual(["b1", "a2"]));
test("a filter of the subject and of words", async () => {
  expect(await ids("?subject=!meter-1")).toEqual([]);
  expect(await ids("?subject=meter-1&site=attic")).toEqual(["b1"]);
  expect(await ids("?text=STALE%20r04")).toEqual(["b1", "a2"]);
  expect(await ids(`?text=${encodeURIComponent("过期")}&severity=CRITICAL`)).toEqual(["a1"]);
  expect(await ids("?text=nothing")).toEqual([]);
});
test("a range is of starts, its end not included", async () =>
  expect(await ids("?from=1000&to=3000")).toEqual(["a2", "a1"]));

test("pages join to the whole, also through a filter that lets little pass", async () => {
  const seen: string[] = [];
  let next: string | null = "";
  while (next !== null) {
    const cursor: string = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
    const page = (await (
      await fetch(`${stand.url}/api/v1/alerts?limit=1&severity=!WARNING${cursor}`)
    ).json()) as AlertsWire;
    seen.push(...page.items.map(({ id }) => id));
    next = page.next;
  }
  expect(seen).toEqual(["b1", "a2", "a1"]);
});

test("a filter value that does not exist is a bad parameter", async () => {
  const response = await fetch(`${stand.url}/api/v1/alerts?state=ANGRY&severity=LOUD`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ name: "state" }, { name: "severity" }] });
});

test("one alert and its history are found by id", async () => {
  expect(await (await fetch(`${stand.url}/api/v1/alerts/a1`)).json()).toMatchObject({ id: "a1" });
  expect((await fetch(`${stand.url}/api/v1/alerts/zz`)).status).toBe(404);
  expect((await fetch(`${stand.url}/api/v1/alerts/zz/history`)).status).toBe(404);
});

test("acknowledging, assigning and commenting are revisions of the alert", async () => {
  const ack: AckWire = { by: "Li Wei", reason: "maintenance" };
  const assign: AssignWire = { by: "Li Wei", assignee: "Ana" };
  const comment: CommentWire = { by: "Ana", text: "fuse replaced" };
  expect((await post("a2/ack", ack)).body.acknowledged).toMatchObject(ack);
  expect((await post("a2/assign", assign)).body.assignee).toBe("Ana");
  expect((await post("a2/comment", comment)).body.comments).toMatchObject([comment]);
  const history = (await (await fetch(`${stand.url}/api/v1/alerts/a2/history`)).json()) as AlertsWire;
  expect(history.items.map(({ assignee }) => assignee)).toEqual([null, null, "Ana", "Ana"]);
});

test("an alert is put aside until a time, with a reason, and taken back", async () => {
  const shelve: ShelveWire = { by: "Ana", reason: "sensor", until: 9_000_000 };
  expect((await post("a1/shelve", shelve)).body).toMatchObject({ state: "SHELVED", shelved: shelve });
  expect(await ids("?state=SHELVED")).toEqual(["a1"]);
  expect((await post("a1/unshelve", { by: "Ana" })).body).toMatchObject({ state: "ACTIVE" });
  expect(await post("a1/shelve", { by: "Ana", until: 1.5 })).toMatchObject({
    status: 400,
    body: { code: "DASHBOARD_BODY_INVALID", errors: [{ name: "reason" }, { name: "until" }] },
  });
});

test("an acknowledgement needs no reason, but a name", async () => {
  expect((await post("b1/ack", { by: "Ana" })).status).toBe(200);
  expect(await post("b1/ack", { by: " " })).toMatchObject({
    status: 400,
    body: { code: "DASHBOARD_BODY_INVALID", errors: [{ name: "by" }] },
  });
});

test("a command that the rules refuse says why", async () => {
  expect(await post("a3/ack", { by: "Ana" })).toMatchObject({
    status: 409,
    body: { code: "DASHBOARD_COMMAND_REFUSED", errors: [{ name: "RULES_ALERT_CLOSED" }] },
  });
  expect(await post("zz/ack", { by: "Ana" })).toMatchObject({
    status: 404,
    body: { code: "DASHBOARD_ALERT_UNKNOWN" },
  });
});

test("a body that is no JSON, or is too long, is refused", async () => {
  expect(await post("a1/comment", "{")).toMatchObject({ status: 400, body: { code: "DASHBOARD_BODY_INVALID" } });
  expect((await post("a1/comment", { by: "Ana", text: "x".repeat(20_000) })).status).toBe(413);
  expect((await post("a1/comment", { by: "Ana", text: "x" }, { "content-type": "text/plain" })).status).toBe(415);
});

test("the export is the whole filter as CSV that a spreadsheet opens and cannot be tricked by", async () => {
  await saveAlert(
    stand.ledger,
    alertOf({
      id: "c1",
      site: "lab",
      start: 5000,
      assignee: '=HYPERLINK("http://evil")',
      title: { en: 'said "stale", twice', "zh-CN": "数据过期" },
    }),
  );
  for (let i = 0; i < 1500; i++) await saveAlert(stand.ledger, alertOf({ id: `d${i}`, site: "lab", start: i }));
  const response = await fetch(`${stand.url}/api/v1/alerts.csv?site=lab`);
  expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  expect(response.headers.get("content-disposition")).toContain("alerts.csv");
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
  expect(lines).toHaveLength(1502);
  expect(lines[0]).toMatch(/^id,site,rule,/);
  expect(lines[1]).toContain("1970-01-01T00:00:05.000Z");
  expect(lines[1]).toContain('"said ""stale"", twice",数据过期');
  expect(lines[1]).toContain(`"'=HYPERLINK(""http://evil"")"`);
});

test("an export of nothing is its header", async () => {
  const text = await (await fetch(`${stand.url}/api/v1/alerts.csv?site=nowhere`)).text();
  expect(text.trimEnd().split("\n")).toHaveLength(1);
});

test("how often each rule fired is counted, in shadow mode too", async () => {
  await saveAlert(stand.ledger, alertOf({ id: "e1", site: "mill", rule: "R21", active: 2000 }));
  await saveAlert(stand.ledger, alertOf({ id: "e2", site: "mill", rule: "R21", active: 7000, state: "CLOSED" }));
  await saveAlert(stand.ledger, alertOf({ id: "e3", site: "mill", rule: "R04", active: null, state: "PENDING" }));
  const asked = await fetch(`${stand.url}/api/v1/rules/activity?site=mill&from=0&to=9000`);
  expect(await asked.json()).toMatchObject({
    from: 0,
    to: 9000,
    items: [{ rule: "R21", alerts: 2, open: 1, last: 7000 }],
  });
});

test("nothing of this was an error of ours", () => {
  expect(stand.errors).toEqual([]);
});
