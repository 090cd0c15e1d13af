import { expect, test } from "vitest";
import { accountOf } from "../specimen.ts";
import { createScanner } from "./scan.ts";
import { startScanThread } from "./scan-thread.ts";

const ids = ["a", "b"];
const part = { forwardWh: 1, reverseWh: 0, meanW: 60, minW: 50, maxW: 70, socPct: null, coverage: 1 };
const bytesOf = (minute: number): Uint8Array => {
  const nodes = { a: { ...part, meanW: minute, quality: "MEASURED", flags: minute === 1 ? ["COUNTER_RESET"] : [] } };
  const [start, end] = [minute * 60_000, (minute + 1) * 60_000];
  // Not a view of a pool that others share.
  return new TextEncoder().encode(JSON.stringify(accountOf({ site: "hall", start, end, nodes: nodes as never })));
};

test("what a thread takes apart is what is taken apart here", async () => {
  await using thread = startScanThread(ids);
  const { scan } = createScanner(ids);
  const [first, second] = await Promise.all([thread.scan([bytesOf(0), bytesOf(1)]), thread.scan([bytesOf(2)])]);
  const found = [...first, ...second];
  for (const [minute, { account, nodes }] of found.entries()) {
    const here = scan(bytesOf(minute));
    expect(account).toEqual(here.account);
    expect(nodes.columns).toEqual(here.nodes.columns);
    expect(nodes.flags).toEqual(here.nodes.flags);
    expect(ids.map(nodes.part)).toEqual(ids.map(here.nodes.part));
  }
  expect(found).toHaveLength(3);
});

test("what is cut off is refused with its reason, and the thread goes on", async () => {
  await using thread = startScanThread(ids);
  await expect(thread.scan([bytesOf(0).slice(0, 30)])).rejects.toThrow(SyntaxError);
  expect(await thread.scan([bytesOf(0)])).toHaveLength(1);
});
