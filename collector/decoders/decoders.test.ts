import { describe, expect, test } from "vitest";
import type { TopicAddress } from "#broker";
import { loadMappings } from "../mappings.ts";
import { decoderSuite } from "./decoder.suite.ts";
import { createMappingDecoder } from "./mapping.ts";
import { native } from "./native.ts";
import { shellyGen1 } from "./shelly-gen1.ts";
import { shellyGen2 } from "./shelly-gen2.ts";

const ours = (kind: "telemetry" | "batch" | "status"): { topic: string; address: TopicAddress } => ({
  topic: `dc/north/r-101/${kind}`,
  address: { kind, site: "north", device: "r-101" },
});
const foreign = (topic: string) => ({ topic, address: null });

describe("native", () => {
  decoderSuite(native, [ours("telemetry"), ours("batch"), ours("status")]);
});

describe("shelly-gen1", () => {
  decoderSuite(
    shellyGen1,
    [
      "shellies/em3/emeter/0/power",
      "shellies/em3/emeter/9/power",
      "shellies/plug/relay/0",
      "shellies/plug/relay/0/energy",
      "shellies/plug/info",
      "shellies/plug/temperature",
      "shellies/plug/voltage",
      "shellies/announce",
      "shellies/x",
    ].map(foreign),
  );
});

describe("shelly-gen2", () => {
  decoderSuite(
    shellyGen2,
    [
      "plug/events/rpc",
      "shelly/a/b/events/rpc",
      "dc/north/feed-a/status/em:0",
      "em/status/emdata:0",
      "plug/status/switch:0",
      "plug/status/sys",
      "plug/online",
    ].map(foreign),
  );
});

const { mappings, faults } = await loadMappings(undefined);

describe("mapping", () => {
  test("the shipped mappings have no fault", () => {
    expect(faults).toEqual([]);
    expect(mappings.length).toBeGreaterThan(0);
  });
  for (const mapping of mappings) {
    decoderSuite(createMappingDecoder(mapping), [foreign("telegraf/gw-1/modbus")]);
  }
});
