import { expect, test } from "vitest";
import { createReceipts, type Receipt } from "./receipts.ts";

const message = (text: string) => ({ topic: "dc/a/b/telemetry", payload: new TextEncoder().encode(text) });

const setUp = () => {
  const receipts = createReceipts();
  const acknowledged: number[] = [];
  const connect = (session: "resumed" | "new") => receipts.connected(session, (id) => acknowledged.push(id));
  connect("new");
  const take = (id: number, text = String(id), sent: "first" | "again" = "first"): Receipt => {
    const receipt = receipts.take(id, sent, message(text));
    if (receipt === null) throw new Error(`message ${id} was taken for a repetition`);
    return receipt;
  };
  return { receipts, acknowledged, connect, take };
};

test("acknowledgements keep the order of arrival, whatever is stored first", () => {
  const { receipts, acknowledged, take } = setUp();
  const [one, two, three] = [take(1), take(2), take(3)];
  receipts.stored(two);
  receipts.stored(three);
  expect(acknowledged).toEqual([]);
  receipts.stored(one);
  expect(acknowledged).toEqual([1, 2, 3]);
});

test("what was stored while the connection was gone is acknowledged when it comes again, and not taken twice", () => {
  const { receipts, acknowledged, connect, take } = setUp();
  const one = take(1);
  connect("resumed");
  receipts.stored(one);
  expect(acknowledged).toEqual([]);
  expect(receipts.take(1, "again", message("1"))).toBeNull();
  expect(acknowledged).toEqual([1]);
});

test("a repetition of what is still on its way waits for it", () => {
  const { receipts, acknowledged, connect, take } = setUp();
  const one = take(1);
  connect("resumed");
  expect(receipts.take(1, "again", message("1"))).toBeNull();
  expect(acknowledged).toEqual([]);
  receipts.stored(one);
  expect(acknowledged).toEqual([1]);
});

test("the same id with other bytes, or in a new session, is another message", () => {
  const { receipts, acknowledged, connect, take } = setUp();
  const old = take(1, "old");
  connect("resumed");
  const other = take(1, "other", "again");
  receipts.stored(old);
  expect(acknowledged).toEqual([]);
  connect("new");
  const fresh = take(1, "other", "again");
  receipts.stored(other);
  expect(acknowledged).toEqual([]);
  receipts.stored(fresh);
  expect(acknowledged).toEqual([1]);
});
