import { expect, test } from "vitest";
import { createMemoryLedger } from "#store";
import type { Alert } from "../alert.ts";
import { alertOf } from "./alert.fixture.ts";
import type { Delivery } from "./delivery.ts";
import { createSender } from "./sender.ts";

const delivery = (
  key: string,
  alert: Partial<Alert>,
  occasion: Delivery["message"]["occasion"] = "raised",
): Delivery => ({
  ...{ key, channel: "ops", route: null, state: "queued", attempts: 0, nextAt: 0, said: "" },
  message: {
    ...{ key, occasion, severity: null, title: key, text: "", url: null, at: 0 },
    alerts: [alertOf({ id: key, ...alert })],
  },
});

/** A channel that takes the first message until it is let go. */
const slow = () => {
  const sent: string[] = [];
  const gate = Promise.withResolvers<void>();
  const sender = createSender({
    ledger: createMemoryLedger(),
    channels: new Map([
      [
        "ops",
        {
          name: "ops",
          send: async ({ key }) => {
            sent.push(key);
            await gate.promise;
            return { ok: true, receipt: "" };
          },
        },
      ],
    ]),
    now: () => 1000,
    random: () => 0.5,
    fail: (error) => expect.fail(String(error)),
  });
  return { sender, sent, open: () => gate.resolve() };
};

test("what is graver does not wait behind what is queued, what has begun ends first", async () => {
  const { sender, sent, open } = slow();
  sender.add([delivery("a", {}), delivery("b", { severity: "WARNING" }), delivery("c", { severity: "WARNING" })]);
  const done = sender.run();
  sender.add([delivery("d", { severity: "CRITICAL" }), delivery("e", { rule: "R25", severity: "CRITICAL" })]);
  open();
  await done;
  expect(sent).toEqual(["a", "e", "d", "b", "c"]);
  expect(sender.waiting()).toBe(0);
});

test("each alert is told in order, and its end does not push in", async () => {
  const { sender, sent, open } = slow();
  open();
  sender.add([delivery("x", { severity: "INFO" }), delivery("b", { id: "one", severity: "WARNING" })]);
  sender.add([delivery("c", { id: "one", severity: "CRITICAL" })]);
  sender.add([delivery("d", { id: "two", severity: "CRITICAL" }, "returned")]);
  await sender.run();
  expect(sent).toEqual(["b", "c", "x", "d"]);
});
