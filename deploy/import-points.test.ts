import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import writeXlsx from "write-excel-file/node";
import { parseSite } from "#energy";
import { importList } from "./import-points.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "wattlas-import-"));
});
afterEach(() => rm(dir, { recursive: true }));

const terms = ["--site", "jinan-1", "--time-zone", "Asia/Shanghai", "--currency", "CNY"];
const run = async (name: string, content: string | Uint8Array, ...more: readonly string[]) => {
  const file = join(dir, name);
  await writeFile(file, content);
  let out = "";
  let error = "";
  const code = await importList([file, ...terms, ...more], {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text.replaceAll(file, name);
    },
  });
  return { code, out, error: error.split("\n").filter(Boolean) };
};
const siteOf = (text: string) => {
  const parsed = parseSite(text, "made.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};

const english = `Interval (s),Unit,Register,MP code,Meter ID,Node,Rated power (kW),Accuracy class,CT class,CT ratio,Voltage,Scaling,Register digits,Remark
10,kW,Active power,MP.PCC.IMP,pcc-1,grid,2000,0.5,0.5S,400/5,400,1,,incomer
10,kWh,Import energy,MP.PCC.IMP,pcc-1,grid,2000,0.5,0.5S,400/5,400,1,8,
10,kWh,Export energy,MP.PCC.IMP,pcc-1,grid,2000,0.5,0.5S,400/5,400,1,8,
15 min,W,power_w,MP.PDU.OUT.1,r-1,rack-1,12,1,,,,,,
15 min,kWh,energy,MP.PDU.OUT.1,r-1,rack-1,12,1,,,,0.1,,
`;

/** The inverse of the decoder, for the characters of a text. */
const gb18030 = (text: string): Uint8Array => {
  const decoder = new TextDecoder("gb18030");
  const wanted = new Set(text);
  const bytesOf = new Map<string, readonly number[]>();
  for (let low = 0; low < 0x80; low++) bytesOf.set(String.fromCharCode(low), [low]);
  for (let high = 0xb0; high <= 0xf7; high++)
    for (let low = 0xa1; low <= 0xfe; low++) {
      const char = decoder.decode(new Uint8Array([high, low]));
      if (wanted.has(char)) bytesOf.set(char, [high, low]);
    }
  return new Uint8Array([...text].flatMap((char) => [...(bytesOf.get(char) ?? [0x3f])]));
};

describe("a point list", () => {
  test("in English with columns in any order becomes a site file that loads", async () => {
    const { code, out, error } = await run("list.csv", english);
    expect({ code, error }).toEqual({ code: 0, error: ["columns left aside: Remark", "2 points from 5 rows"] });
    const site = siteOf(out);
    expect(site).toMatchObject({ id: "jinan-1", busRatingW: 2_000_000 });
    expect(site.nodes.map(({ id, kind, ratingW }) => [id, kind, ratingW])).toEqual([
      ["grid", "grid", 2_000_000],
      ["rack-1", "it", 12_000],
    ]);
    expect(site.nodes[0]?.points).toEqual([
      expect.objectContaining({
        ...{ code: "MP.PCC.IMP", device: "pcc-1", power: "power_w", intervalMs: 10_000, meterClass: 0.5 },
        ...{
          energyForward: "energy_import_wh",
          energyReverse: "energy_export_wh",
          ctClass: "0.5S",
          ctRatingW: 277_128,
        },
        register: { modulusWh: 1e11, resolutionWh: 1000 },
      }),
    ]);
    expect(site.nodes[1]?.points[0]).toMatchObject({ intervalMs: 900_000, register: { resolutionWh: 100 } });
    expect(out).toContain("#   pcc-1: power_w = raw value × 1000");
    expect(out).toContain("#   r-1: energy_import_wh = raw value × 100");
  });

  test("in Chinese in a workbook, under a title and with merged cells, is read the same way", async () => {
    const row = (...cells: readonly (string | number | null)[]) =>
      cells.map((value) => (value === null ? null : { value, type: typeof value === "number" ? Number : String }));
    const workbook = await writeXlsx([
      row("一号机房能耗监测点表"),
      row(),
      row("设备编号", "测点名称", "单位", "计量点编码", "回路名称", "类型", "额定功率(kW)", "准确度等级", "采集周期"),
      row("pcc-1", "有功功率", "kW", "MP.PCC", "市电进线", "市电", 1600, 0.5, "15分钟"),
      row(null, "正向有功电能", "kWh", null, null, null, null, null, null),
      row("bess", "SOC", "%", "MP.BESS", "储能一", "储能", 500, 0.5, 10),
      row("cool-1", "功率", "千瓦", "MP.COOL.1", "冷机", "空调", 300, 1, 60),
    ] as never).toBuffer();
    const fill = ["--fill-down", "device,code,name,kind"];
    const refused = await run("点表.xlsx", workbook, ...fill);
    expect(refused).toEqual({
      code: 1,
      out: "",
      error: [
        "点表.xlsx: row 6: nodes[1]: capacity_wh is missing, a battery needs it",
        "1 fault in 4 rows: nothing was written",
      ],
    });
    const without = await run("点表.xlsx", workbook, ...fill, "--columns", "node=回路编号");
    expect(without.code).toBe(1);
  });

  test("in the encodings of Chinese office programs is read", async () => {
    const text =
      "表号,测点,单位,计量点,类型,额定功率(MW)\npcc-1,有功功率,千瓦,MP.PCC,市电,2\nr-1,电量,度,MP.IT.IN.1,机柜,\n";
    const columns = ["--columns", "device=表号"];
    const made = await Promise.all([
      run("a.csv", gb18030(text), ...columns),
      run("b.csv", `\uFEFF${text}`, ...columns),
      run("c.csv", new Uint8Array(Buffer.from(`\uFEFF${text}`, "utf16le")), ...columns),
      run("d.csv", text.replaceAll(",", ";"), ...columns),
    ]);
    for (const { code, out } of made) {
      expect(code).toBe(0);
      expect(siteOf(out).nodes.map(({ kind }) => kind)).toEqual(["grid", "it"]);
      expect(siteOf(out).busRatingW).toBe(2_000_000);
    }
  });

  const bad = `device,quantity,unit,code,node,kind,class,interval,sign,ct ratio
pcc 1,power,kW,MP.PCC,grid,grid,0.5,10,1,
pcc-1,voltage,V,MP.PCC,grid,grid,0.5,10,1,
pcc-1,power,kWh,MP.PCC,grid,grid,0.5,10,1,
pcc-1,power,kW,grid,grid,magic,x,soon,2,5A-400

pcc-1,power,kW,MP.PCC,grid,grid,0.5,10,1,
pcc-1,power,kW,MP.PCC,grid,grid,0.2,10,1,
`;
  test("names every cell that cannot be used by row and column, and writes nothing", async () => {
    const { code, out, error } = await run("bad.csv", bad, "--bus-rating-w", "1000000");
    expect([code, out]).toEqual([1, ""]);
    expect(error.map((line) => line.replace(/ \(.*?\)/, ""))).toEqual([
      'bad.csv: row 2, device: must be 1 to 64 letters, digits, dots, underscores or hyphens, got "pcc 1"',
      'bad.csv: row 3, quantity: must be a power, an energy or a state of charge such as power_w, 有功功率, 正向有功电能, got "voltage"',
      'bad.csv: row 4, unit: must be a unit of power, got "kWh"',
      'bad.csv: row 5, code: must be a measurement point such as MP.PCC or MP.IT.IN.7, got "grid"',
      'bad.csv: row 5, kind: must be a kind such as grid, it, cooling, 市电, 机柜, 空调, or follow from the code, got "magic"',
      'bad.csv: row 5, ct ratio: must be a ratio such as 400/5, got "5A-400"',
      expect.stringContaining("bad.csv: row 5, sign: must be one of 1, +1"),
      'bad.csv: row 5, class: must be a number above 0 up to 10, got "x"',
      'bad.csv: row 5, interval: must be a time such as 60, 10 s or 15 min, got "soon"',
      'bad.csv: row 8, quantity: power of device "pcc-1" is listed twice',
      'bad.csv: row 8, device: device "pcc-1": meter_class is 0.2 here and 0.5 above',
      "11 faults in 6 rows: nothing was written",
    ]);
  });

  test("gives what is in order when asked to, and never replaces a file", async () => {
    const out = join(dir, "made.yaml");
    const made = await run("bad.csv", bad, "--bus-rating-w", "1000000", "--partial", "--out", out);
    expect(made.code).toBe(1);
    expect(siteOf(await readFile(out, "utf8")).nodes).toHaveLength(1);
    await expect(run("list.csv", english, "--out", out)).rejects.toThrow(/EEXIST/);
  });

  test("that is none is refused in one sentence", async () => {
    expect((await run("a.csv", "x,y\n1,2\n")).error[0]).toMatch(/no row of the first 20 has heads/);
    expect((await run("a.csv", 'x,"y\n1,2\n')).error[0]).toMatch(/not a readable CSV/);
    expect((await run("a.xlsx", "PK\u0003\u0004")).error[0]).toMatch(/not a readable XLSX/);
    expect((await run("a.xls", new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]))).error[0]).toMatch(
      /save it as .xlsx|not a readable XLSX/,
    );
    expect((await run("a.csv", english, "--columns", "meter=x")).error[0]).toMatch(/"meter" is no column/);
    expect((await run("a.csv", "device,quantity,code\nr,power,MP.IT.1\n")).error[0]).toMatch(/give --bus-rating-w/);
  });
});
