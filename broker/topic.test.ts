import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTopic, parseTopic, quote, type TopicAddress } from "./topic.ts";

const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
const deviceName = name.filter((text) => text !== "account" && text !== "alert");
const address: fc.Arbitrary<TopicAddress> = fc.oneof(
  fc.record({ kind: fc.constantFrom("telemetry", "batch", "status"), site: name, device: deviceName }),
  fc.record({
    kind: fc.constant("account" as const),
    site: name,
    step: name,
    restated: fc.constantFrom("restated", "newest"),
  }),
  fc.record({ kind: fc.constant("alert" as const), site: name, rule: name, subject: name }),
);

test("parsing a formatted address gives the address back", () => {
  fc.assert(
    fc.property(address, (given) => {
      expect(parseTopic(formatTopic(given))).toEqual({ ok: true, address: given });
    }),
  );
});

test("formatting a parsed topic gives the text back", () => {
  const level = fc.oneof(
    name,
    fc.constantFrom("dc", "account", "alert", "telemetry", "restated", "1m", ""),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(level, { maxLength: 7 }), (levels) => {
      const text = ["dc", ...levels].join("/");
      const parsed = parseTopic(text);
      if (parsed.ok) expect(formatTopic(parsed.address)).toBe(text);
    }),
  );
});

test("each form of topic has its address", () => {
  reads("dc/demo/r-900/telemetry", { kind: "telemetry", site: "demo", device: "r-900" });
  reads("dc/demo/gw.1/batch", { kind: "batch", site: "demo", device: "gw.1" });
  reads("dc/demo/r-900/status", { kind: "status", site: "demo", device: "r-900" });
  reads("dc/demo/account/1m", { kind: "account", site: "demo", step: "1m", restated: "newest" });
  reads("dc/demo/account/15m/restated", { kind: "account", site: "demo", step: "15m", restated: "restated" });
  reads("dc/demo/alert/R04/r-900", { kind: "alert", site: "demo", rule: "R04", subject: "r-900" });
  reads("dc/__proto__/constructor/status", { kind: "status", site: "__proto__", device: "constructor" });
});

test("a faulty topic is told with the place and the expectation", () => {
  faulty("a//b", 'topic "a//b" does not start with "dc/"');
  faulty("dc", 'topic "dc" has 1 of 4 levels, expected dc/<site>/<device>/<kind>');
  faulty("dc/demo/r-1", 'topic "dc/demo/r-1" has 3 of 4 levels, expected dc/<site>/<device>/<kind>');
  faulty("dc//r-1/status", 'topic "dc//r-1/status" has an empty level at position 2');
  faulty("dc/demo/r-1/status/", 'topic "dc/demo/r-1/status/" has an empty level at position 5');
  faulty(
    "dc/demo/r-1/telemetri",
    'topic "dc/demo/r-1/telemetri" has "telemetri" at position 4, expected telemetry, batch, status',
  );
  faulty("dc/demo/r-1/status/x", 'topic "dc/demo/r-1/status/x" has 5 levels, expected 4');
  faulty("dc/demo/account/1m/x", 'topic "dc/demo/account/1m/x" has "x" at position 5, expected "restated"');
  faulty("dc/demo/account/1m/restated/x", 'topic "dc/demo/account/1m/restated/x" has 6 levels, expected 5');
  faulty("dc/demo/alert/R04", 'topic "dc/demo/alert/R04" has 4 levels, expected dc/<site>/alert/<rule>/<subject>');
  faulty(
    "dc/demo/alert/R04/a/b",
    'topic "dc/demo/alert/R04/a/b" has 6 levels, expected dc/<site>/alert/<rule>/<subject>',
  );
  faulty(
    "dc/dé/r-1/status",
    'topic "dc/dé/r-1/status" has "dé" at position 2, expected 1 to 64 of letters, digits, ".", "_" and "-"',
  );
  faulty(`dc/${"x".repeat(65)}/r/status`, 'at position 2, expected 1 to 64 of letters, digits, ".", "_" and "-"');
});

test("a quoted text cannot steer a terminal", () => {
  expect(quote("a\u009b2J\u202eb\u0007")).toBe('"a\\u009b2J\\u202eb\\u0007"');
});

test("a reason is bounded and has no control characters", () => {
  const parsed = parseTopic(`dc/\n${"y".repeat(60_000)}`);
  expect(parsed.ok).toBe(false);
  if (!parsed.ok) expect(parsed.reason.length).toBeLessThan(300);
  if (!parsed.ok) expect(parsed.reason).not.toContain("\n");
});

function reads(text: string, expected: TopicAddress): void {
  expect(parseTopic(text)).toEqual({ ok: true, address: expected });
}

function faulty(text: string, reason: string): void {
  const parsed = parseTopic(text);
  expect(parsed.ok ? "no fault" : parsed.reason).toContain(reason);
}
