import { expect, test } from "vitest";
import { createLetterLimit, excerpt, letterChange, writeLetters } from "./letters.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("an excerpt is the first kilobyte, cut between characters", () => {
  expect(excerpt(bytes("kurz"))).toBe("kurz");
  expect(excerpt(bytes("a".repeat(5000)))).toBe("a".repeat(1024));
  expect(excerpt(bytes(`${"a".repeat(1023)}度`))).toBe("a".repeat(1023));
  expect(excerpt(bytes("度".repeat(1000)))).toBe("度".repeat(341));
});

test("bytes that are no text are kept as base64", () => {
  expect(excerpt(new Uint8Array([0xff, 0xfe, 0x00]))).toBe("base64://4A");
  expect(excerpt(new Uint8Array([0xe5, 0xba]))).toMatch(/^base64:/);
});

test("a message has one letter per code, which says how many it stands for", () => {
  const message = {
    topic: "dc/north/gw/batch",
    address: null,
    payload: bytes("{}"),
    qos: 1 as const,
    retain: false,
    identity: { user: "gw", role: "gateway" as const, site: "north", device: null, clientId: "c", loopback: false },
    received: 1795219200000,
  };
  const bad = { code: "COLLECTOR_VALUE_NOT_NUMBER" as const, reason: "power_w null is not a number", site: "north" };
  const place = { code: "COLLECTOR_DEVICE_INVALID" as const, reason: `x${"y".repeat(1000)}`, site: "" };
  const [first, second, ...more] = writeLetters(message, [bad, place, bad, bad]);
  expect(more).toEqual([]);
  expect(first).toMatchObject({ times: 3, body: { reason: "power_w null is not a number (and 2 more of this kind)" } });
  expect(second?.body.reason.length).toBe(300);
  expect(first && letterChange(first, "k")).toEqual({
    op: "put",
    kind: "dead-letter",
    key: "k",
    site: "north",
    ts: 1795219200000,
    body: {
      topic: "dc/north/gw/batch",
      code: "COLLECTOR_VALUE_NOT_NUMBER",
      reason: "power_w null is not a number (and 2 more of this kind)",
      payload: "{}",
      bytes: 2,
      user: "gw",
      received: 1795219200000,
    },
  });
});

test("beyond the limit of a minute letters of a code are only counted", () => {
  const limit = createLetterLimit(2);
  const at = (ms: number) => limit("COLLECTOR_TOPIC_UNKNOWN", ms);
  expect([at(0), at(1), at(2), at(59_999), at(60_000)]).toEqual(["keep", "keep", "count", "count", "keep"]);
  expect(limit("COLLECTOR_PAYLOAD_EMPTY", 60_000)).toBe("keep");
});
