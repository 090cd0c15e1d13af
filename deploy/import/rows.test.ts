import { expect, test } from "vitest";
import { type ImportOptions, importSchema } from "./options.ts";
import { readRows } from "./rows.ts";

const options = (more: Readonly<Record<string, unknown>> = {}): ImportOptions =>
  importSchema.parse({
    site: "s",
    device: "m-1",
    quantity: "energy_import_wh",
    kind: "interval_energy",
    value_column: "kWh",
    unit: "kWh",
    time_column: "time",
    time_format: "YYYY-MM-DD HH:mm",
    zone: "Asia/Shanghai",
    label: "start",
    ...more,
  });
const read = (text: string, more: Readonly<Record<string, unknown>> = {}) =>
  readRows(new TextEncoder().encode(text), options(more));
const at = (text: string) => Date.parse(`2026-11-20T${text}:00+08:00`);
const pairs = (text: string, more: Readonly<Record<string, unknown>> = {}) =>
  read(text, more).readings.map(({ ts, value }) => [ts, value]);
const codes = (text: string, more: Readonly<Record<string, unknown>> = {}) =>
  read(text, more).refused.map(({ line, code }) => [line, code]);

test("energies of intervals become the register that counted them, whichever end is labelled", () => {
  const register = [
    [at("00:00"), 0],
    [at("00:15"), 3000],
    [at("00:30"), 4500],
  ];
  expect(pairs("time,kWh\n2026-11-20 00:00,3\n2026-11-20 00:15,1.5\n")).toEqual(register);
  expect(pairs("kWh;note;time\n3;a;2026-11-20 00:15\n1.5;b;2026-11-20 00:30\n", { label: "end" })).toEqual(register);
  expect(pairs("time,kWh\n2026-11-20 00:00,12\n2026-11-20 00:15,6\n", { kind: "interval_power", unit: "kW" })).toEqual(
    register,
  );
  expect(
    pairs("time;kWh\n20.11.2026 00:00;3,0\n20.11.2026 00:15;1,5\n", { time_format: "DD.MM.YYYY HH:mm", decimal: "," }),
  ).toEqual(register);
  expect(pairs("time,kWh\n2026-11-19 16:00,3\n2026-11-19 16:15,1.5\n", { zone: "UTC" })).toEqual(register);
});

test("an interval that lacks is no zero: the register jumps further than any meter counts", () => {
  const found = pairs("time,kWh\n2026-11-20 00:00,3\n2026-11-20 00:30,1\n");
  expect(found.map(([ts]) => ts)).toEqual([at("00:00"), at("00:15"), at("00:30"), at("00:45")]);
  expect((found[2]?.[1] ?? 0) - (found[1]?.[1] ?? 0)).toBe(1e11);
});

test("registers and gauges stay as they are, at their label", () => {
  expect(pairs("time,kWh\n2026-11-20 00:00,120331.25\n", { kind: "register" })).toEqual([[at("00:00"), 120_331_250]]);
  expect(pairs("time,kWh\n2026-11-20 00:00,-4.2\n", { kind: "sample", quantity: "power_w", unit: "kW" })).toEqual([
    [at("00:00"), -4200],
  ]);
});

test("days of 23 and 25 hours: what came twice is told by its order, what never was is refused", () => {
  const day = (labels: readonly string[]) => `time,kWh\n${labels.map((label) => `${label},1`).join("\n")}\n`;
  const berlin = { zone: "Europe/Berlin", interval_s: 3600 };
  const long = ["01:00", "02:00", "02:00", "03:00"].map((time) => `2026-10-25 ${time}`);
  expect(read(day(long), berlin)).toMatchObject({ refused: [], readings: { length: 5 } });
  const ended = ["02:00", "02:00", "03:00", "24:00"].map((time) => `2026-10-25 ${time}`);
  expect(codes(day(ended), { ...berlin, label: "end" })).toEqual([]);
  expect(codes(day(["01:00", "02:00", "03:00"].map((time) => `2026-03-29 ${time}`)), berlin)).toEqual([
    [3, "IMPORT_TIME_NONEXISTENT"],
  ]);
});

test("GB18030, UTF-16 and a byte-order mark are read, and said", () => {
  // 时间,电量 in GB18030.
  const gb = Uint8Array.from([
    0xca,
    0xb1,
    0xbc,
    0xe4,
    0x2c,
    0xb5,
    0xe7,
    0xc1,
    0xbf,
    ...new TextEncoder().encode("\n2026-11-20 00:00,3\n"),
  ]);
  const chinese = options({ time_column: "时间", value_column: "电量" });
  expect(readRows(gb, chinese)).toMatchObject({ encoding: "gb18030", rows: 1, refused: [] });
  const wide = new Uint8Array(Buffer.from("\ufefftime,kWh\n2026-11-20 00:00,3\n", "utf16le"));
  expect(readRows(wide, options())).toMatchObject({ encoding: "utf-16le", refused: [], readings: { length: 2 } });
  expect(read("\ufefftime,kWh\n2026-11-20 00:00,3\n")).toMatchObject({ encoding: "utf-8", refused: [] });
});

test("every row that is refused says why, its neighbours stay", () => {
  const rows = [
    "2026-11-20 00:00,1,m-1",
    "2026-11-20 00:15,1",
    "yesterday,1,m-1",
    "2026-02-30 00:00,1,m-1",
    "2026-11-20 00:15,,m-1",
    "2026-11-20 00:15,9999,m-1",
    "2026-11-20 00:15,much,m-1",
    "2026-11-20 00:15,-1,m-1",
    "2026-11-20 00:00,1,m-1",
    "2026-11-20 00:07,1,m-1",
    "2026-11-20 00:15,1,not a device",
    "2026-11-20 00:15,2,m-1",
  ];
  const more = { device: undefined, device_column: "meter", sentinels: ["9999"] };
  expect(codes(`time,kWh,meter\n${rows.join("\n")}\n`, more)).toEqual([
    [3, "IMPORT_ROW_SHAPE"],
    [4, "IMPORT_TIME_INVALID"],
    [5, "IMPORT_TIME_INVALID"],
    [6, "IMPORT_VALUE_MISSING"],
    [7, "IMPORT_VALUE_MISSING"],
    [8, "IMPORT_VALUE_NOT_NUMBER"],
    [9, "IMPORT_VALUE_OUT_OF_RANGE"],
    [10, "IMPORT_TIME_TWICE"],
    [11, "IMPORT_INTERVAL_OVERLAPS"],
    [12, "IMPORT_DEVICE_INVALID"],
  ]);
});

test("a column that is not there, and a declaration that fits nothing, are said at once", () => {
  expect(() => read("when,kWh\n")).toThrow('the file has no column "time"');
  expect(importSchema.safeParse({ ...options(), quantity: "power_w" }).success).toBe(false);
  expect(importSchema.safeParse({ ...options(), zone: "Mars/Base" }).success).toBe(false);
});
