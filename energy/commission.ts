// What a site can compute and how far its meters can be trusted, from what they have recorded.
import type { Reading } from "#store";
import type { KpiResult } from "./account.ts";
import { countBetween, type Samples } from "./meter.ts";
import type { Point, SiteModel, SiteNode, Text } from "./model.ts";
import { gapOf } from "./node-account.ts";
import { integratePower } from "./power.ts";
import { isSentinel } from "./sentinel.ts";
import { ratioSignature, type Signature, type Suspect } from "./suspect.ts";

/** Of one piece of evidence: `unknown` where the data cannot tell. */
export const verdicts = ["good", "bad", "unknown"] as const;
export type Verdict = (typeof verdicts)[number];

/** One piece of evidence: the figure, what is to be made of it, and why in words. */
export interface Evidence {
  readonly verdict: Verdict;
  readonly value: number | null;
  readonly unit: string;
  readonly text: Text;
}

export interface MeterReport {
  readonly node: string;
  readonly point: string;
  readonly device: string;
  /** Readings looked at. */
  readonly readings: number;
  /** Quantities of the model that were not heard. */
  readonly silent: readonly string[];
  /** Register over integrated power, rating, siblings, parent, balance. */
  readonly ratio: Evidence;
  readonly phase: Evidence;
  readonly direction: Evidence;
  /** Received less event time, and the rhythm. */
  readonly clock: Evidence;
  readonly interval: Evidence;
}

export interface KpiReport {
  readonly kpi: string;
  readonly variant: string | null;
  readonly able: boolean;
  /** Declarations and points that are missing, points that are silent. */
  readonly lacks: readonly { readonly what: string; readonly text: Text }[];
}

export interface Commissioning {
  readonly site: string;
  readonly from: number;
  readonly to: number;
  /** Models in force within the window and others, oldest first. */
  readonly models: readonly { readonly revision: string; readonly validFrom: number | null }[];
  readonly kpis: readonly KpiReport[];
  readonly meters: readonly MeterReport[];
  readonly suspect: Suspect | null;
}

const evidence = (verdict: Verdict, value: number | null, unit: string, en: string, zh: string): Evidence => ({
  verdict,
  value,
  unit,
  text: { en, "zh-CN": zh },
});
const unknown = (unit: string, en: string, zh: string): Evidence => evidence("unknown", null, unit, en, zh);

const seriesOf = (
  readings: readonly Reading[],
  quantity: string | null,
  without?: { readonly kind: "gauge" | "register"; readonly sentinels: readonly number[] },
): Samples => {
  const ts: number[] = [];
  const value: number[] = [];
  for (const reading of readings) {
    const at =
      quantity !== null && Object.hasOwn(reading.quantities, quantity) ? reading.quantities[quantity] : undefined;
    if (at === undefined) continue;
    if (without !== undefined && isSentinel(without.kind, without.sentinels, at)) continue;
    ts.push(reading.ts);
    value.push(at);
  }
  return { ts, value };
};

const median = (values: readonly number[]): number | null => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
};
const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value: number): number => Number(value.toPrecision(4));

/** Everything that is known of one meter. */
interface Seen {
  readonly node: SiteNode;
  readonly point: Point;
  readonly readings: readonly Reading[];
  readonly power: Samples;
  /** As it counts in its node, W. */
  readonly meanW: number | null;
  readonly registerWh: number | null;
  readonly powerWh: number | null;
  /** The same power taken as the mean of the interval that ended at its time, as many meters send it. */
  readonly endedWh: number | null;
  /** What the integral may miss between its samples, Wh (R02). */
  readonly samplingWh: number;
}

/** Energy of a power that each time says the mean since the time before, Wh. */
const energyOfMeans = ({ ts, value }: Samples, sign: 1 | -1): number => {
  let sum = 0;
  for (let index = 1; index < ts.length; index++)
    sum += sign * (value[index] ?? 0) * ((ts[index] ?? 0) - (ts[index - 1] ?? 0));
  return sum / 3_600_000;
};

// kpi.md R02: 3 σ_P T / √n; σ_P by the differences of neighbours, for a trend is no noise.
const samplingEnergy = ({ ts, value }: Samples): number => {
  const steps = value.length - 1;
  if (steps < 1) return 0;
  let squares = 0;
  for (let index = 1; index <= steps; index++) squares += ((value[index] ?? 0) - (value[index - 1] ?? 0)) ** 2;
  const hours = ((ts.at(-1) ?? 0) - (ts[0] ?? 0)) / 3_600_000;
  return (3 * Math.sqrt(squares / (2 * steps)) * hours) / Math.sqrt(steps);
};

const see = (model: SiteModel, node: SiteNode, point: Point, readings: readonly Reading[]): Seen => {
  const { sentinels = [] } = point;
  const power = seriesOf(readings, point.power, { kind: "gauge", sentinels });
  const [start, end] = [readings[0]?.ts ?? 0, readings.at(-1)?.ts ?? 0];
  const gapMs = gapOf(point.intervalMs);
  const terms = {
    modulus: point.register.modulusWh,
    resolution: point.register.resolutionWh,
    maxPerHour: node.ratingW ?? model.busRatingW,
  };
  const count = (quantity: string | null): number | null => {
    if (quantity === null) return null;
    return countBetween(seriesOf(readings, quantity, { kind: "register", sentinels }), { start, end }, terms, {
      bridgeMs: gapMs,
      gapMs,
    }).amount;
  };
  const window = integratePower(power, { start, end }, point.sign, gapMs);
  // kpi.md R02: compared where 95 % is covered.
  const whole = end > start && window.goodMs >= 0.95 * (end - start);
  const forward = count(point.energyForward);
  const reverse = point.energyReverse === null ? 0 : count(point.energyReverse);
  return {
    ...{ node, point, readings, power },
    meanW: window.meanW,
    registerWh: forward === null || reverse === null ? null : forward - reverse,
    powerWh: whole ? window.forwardWh - window.reverseWh : null,
    endedWh: whole ? energyOfMeans(power, point.sign) : null,
    samplingWh: samplingEnergy(power),
  };
};

const signatureText: Readonly<Record<Signature, readonly [en: string, zh: string]>> = {
  REVERSED: ["reversed", "方向接反"],
  THOUSANDFOLD: ["a thousand times (kilo or unit)", "一千倍（单位错误）"],
  THOUSANDTH: ["a thousandth (kilo or unit)", "千分之一（单位错误）"],
  TENFOLD: ["ten times (scale)", "十倍（比例错误）"],
  TENTH: ["a tenth (scale)", "十分之一（比例错误）"],
  THREEFOLD: ["three times (phases)", "三倍（相数错误）"],
  THIRD: ["a third (one phase of three)", "三分之一（只计一相）"],
  ROOT_THREE: ["√3 (line or phase)", "√3 倍（线相混淆）"],
  ROOT_THIRD: ["1/√3 (line or phase)", "1/√3（线相混淆）"],
};
const looksLike = (ratio: number): readonly [en: string, zh: string] => {
  const signature = ratioSignature(ratio);
  return signature === null ? ["no known fault", "不是已知的故障特征"] : signatureText[signature];
};

const ratioOf = (model: SiteModel, seen: Seen, others: readonly Seen[], suspect: Suspect | null): Evidence => {
  const { node, point, registerWh, powerWh, endedWh, samplingWh, meanW } = seen;
  if (suspect !== null && suspect.device === point.device) {
    const [en, zh] = signatureText[suspect.signature];
    return evidence(
      "bad",
      round(suspect.factor),
      "1",
      `the balance closes if this meter is ${en}`,
      `若此表${zh}，则平衡闭合`,
    );
  }
  const largest = Math.max(0, ...seen.power.value.map(Math.abs));
  const ratingW = node.ratingW ?? model.busRatingW;
  if (largest > 1.1 * ratingW)
    return evidence(
      "bad",
      round(largest / ratingW),
      "1",
      "shows more than 110 % of its rating",
      "读数超过额定值的 110 %",
    );
  const siblings = others.filter(
    (other) => other !== seen && other.node.parent === node.parent && other.node.kind === node.kind,
  );
  const usual = median(siblings.map((other) => Math.abs(other.meanW ?? Number.NaN)).filter(Number.isFinite));
  // Of three alike one can be judged by the others.
  if (siblings.length >= 3 && usual !== null && usual > 0 && meanW !== null) {
    const share = Math.abs(meanW) / usual;
    const signature = ratioSignature(share);
    if (
      signature === "THOUSANDFOLD" ||
      signature === "THOUSANDTH" ||
      signature === "TENFOLD" ||
      signature === "TENTH"
    ) {
      const [en, zh] = signatureText[signature];
      return evidence(
        "bad",
        round(share),
        "1",
        `against the median of its siblings: ${en}`,
        `与同级表计的中位数相比：${zh}`,
      );
    }
  }
  const children = others.filter((other) => other.node.parent === node.id && other.node.role === node.role);
  const below = children.some((child) => child.meanW === null)
    ? null
    : children.reduce((sum, child) => sum + (child.meanW ?? 0), 0);
  if (children.length > 0 && below !== null && meanW !== null && meanW > 0 && below > 1.05 * meanW)
    return evidence("bad", round(below / meanW), "1", "the meters under it add up to more", "下级表计之和大于本表");
  if (registerWh === null || powerWh === null)
    return unknown("1", "needs a register and a power over the same time", "需要同一时段的电能寄存器和功率");
  // Instants and means differ by half an interval of a ramp; a meter that sent both lies between the two.
  const [least, most] = [Math.min(powerWh, endedWh ?? powerWh), Math.max(powerWh, endedWh ?? powerWh)];
  const apart = Math.max(least - registerWh, registerWh - most, 0);
  const nearest = Math.abs(registerWh - least) < Math.abs(registerWh - most) ? least : most;
  const ratio = nearest === 0 ? null : round(registerWh / nearest);
  const allowed = Math.max(2 * point.register.resolutionWh, 0.03 * Math.abs(registerWh), samplingWh);
  if (apart <= allowed && Math.abs(powerWh) <= 2 * point.register.resolutionWh)
    return unknown("1", "too little energy to compare", "电量太小，无法比较");
  if (apart <= allowed)
    return evidence("good", ratio, "1", "register and integrated power agree", "寄存器与功率积分一致");
  const [en, zh] = ratio === null ? ["power is zero", "功率为零"] : looksLike(ratio);
  return evidence("bad", ratio, "1", `register over integrated power: ${en}`, `寄存器与功率积分之比：${zh}`);
};

const directionOf = ({ node, meanW, registerWh, powerWh }: Seen, model: SiteModel): Evidence => {
  const least = 0.02 * (node.ratingW ?? model.busRatingW);
  if (meanW === null) return unknown("W", "no power was heard", "没有功率读数");
  const shown = round(meanW);
  const bothWays = node.role === "grid" || node.role === "storage";
  const single = node.points.length === 1;
  if (!bothWays && single && meanW < -least)
    return evidence(
      "bad",
      shown,
      "W",
      "runs backwards: current transformer or sign reversed",
      "方向相反：互感器或符号接反",
    );
  if (registerWh !== null && powerWh !== null && Math.abs(registerWh) > 0 && powerWh / registerWh < 0)
    return evidence("bad", shown, "W", "power and registers point in opposite directions", "功率与寄存器方向相反");
  if (Math.abs(meanW) < least / 10) return unknown("W", "too little power to tell", "功率太小，无法判断");
  if (bothWays && registerWh === null)
    return unknown("W", "needs registers: either direction is possible here", "此处双向均有可能，需要寄存器判断");
  return evidence("good", shown, "W", "as its node should", "与节点方向一致");
};

const phases = ["l1", "l2", "l3"] as const;

const phaseOf = ({ readings, power, point }: Seen): Evidence => {
  // Some meters say their phases only now and then: only what was said together is compared.
  const names = [...phases.map((phase) => `power_${phase}_w`), ...(point.power === null ? [] : [point.power])];
  const together = readings.filter(({ quantities }) => names.every((name) => Object.hasOwn(quantities, name)));
  const byPhase = phases.map((phase) => meanOf(seriesOf(together, `power_${phase}_w`).value));
  const known = byPhase.filter((watts) => watts !== null);
  const total = meanOf((together.length > 0 ? seriesOf(together, point.power) : power).value);
  if (known.length === 3 && total !== null) {
    const sum = known.reduce((whole, watts) => whole + watts, 0);
    const odd = phases.filter(
      (_, index) => (known[index] ?? 0) * sum < 0 && Math.abs(known[index] ?? 0) > 0.05 * Math.abs(sum),
    );
    if (odd.length > 0)
      return evidence(
        "bad",
        odd.length,
        "1",
        `${odd.join(", ").toUpperCase()} runs against the others`,
        `${odd.join("、").toUpperCase()} 相与其他相方向相反`,
      );
    const share = sum === 0 ? null : total / sum;
    if (share === null) return unknown("1", "too little power to tell", "功率太小，无法判断");
    if (Math.abs(share - 1) <= 0.03)
      return evidence("good", round(share), "1", "three phases add up to the total", "三相之和等于总功率");
    const [en, zh] = looksLike(share);
    return evidence("bad", round(share), "1", `total over the sum of phases: ${en}`, `总功率与三相之和之比：${zh}`);
  }
  const apparent = phases.map((phase) => {
    const volts = meanOf(seriesOf(readings, `voltage_${phase}_v`).value);
    const amps = meanOf(seriesOf(readings, `current_${phase}_a`).value);
    return volts === null || amps === null ? null : volts * Math.abs(amps);
  });
  const parts = apparent.filter((va) => va !== null);
  if (parts.length === 0 || total === null)
    return unknown("1", "needs power, or voltage and current, of each phase", "需要各相功率，或各相电压和电流");
  const va = parts.reduce((sum, part) => sum + part, 0);
  if (va <= 0) return unknown("1", "no current flows", "没有电流");
  const factor = Math.abs(point.sign * total) / va;
  // More than volts times amperes cannot be, and less than a third of them is one phase of three.
  if (factor > 1.05 || factor < 0.3)
    return evidence(
      "bad",
      round(factor),
      "1",
      "power over voltage times current is no power factor",
      "功率与电压电流之积的比值不是合理的功率因数",
    );
  return evidence(
    "good",
    round(factor),
    "1",
    `power factor by ${parts.length} phase${parts.length === 1 ? "" : "s"}`,
    `按 ${parts.length} 相计算的功率因数`,
  );
};

const clockOf = ({ readings }: Seen): Evidence => {
  const lags = readings.map(({ ts, received }) => (received - ts) / 1000);
  const lag = median(lags);
  const [first, last] = [readings[0], readings.at(-1)];
  if (lag === null || first === undefined || last === undefined || readings.length < 3)
    return unknown("s", "too few readings", "读数太少");
  // kpi.md R07: what came as a backlog says nothing of the clock.
  if (last.received - first.received < (last.ts - first.ts) / 2)
    return unknown("s", "came as a backlog: look again when it reports live", "为补传数据：请在实时上报后再看");
  const ahead = Math.min(...lags);
  if (ahead < -2)
    return evidence("bad", round(ahead), "s", "speaks of the future: its clock is ahead", "时间戳超前：时钟偏快");
  if (Math.abs(lag) > 5)
    return evidence(
      "bad",
      round(lag),
      "s",
      "received more than 5 s after its time stamp",
      "接收时间比时间戳晚 5 秒以上",
    );
  return evidence("good", round(lag), "s", "received less event time, median", "接收时间减事件时间，中位数");
};

const intervalOf = ({ readings, point }: Seen): Evidence => {
  const steps = readings.slice(1).map(({ ts }, index) => (ts - (readings[index]?.ts ?? ts)) / 1000);
  const usual = median(steps);
  const declared = point.intervalMs / 1000;
  if (usual === null) return unknown("s", "too few readings", "读数太少");
  if (usual > 1.5 * declared)
    return evidence("bad", usual, "s", `declared every ${declared} s`, `声明为每 ${declared} 秒`);
  return evidence("good", usual, "s", `declared every ${declared} s`, `声明为每 ${declared} 秒`);
};

const lackText = (what: string): Text => {
  const [code = "", rest = ""] = [what.slice(0, what.indexOf(":")), what.slice(what.indexOf(":") + 1)];
  if (code === "POINT_MISSING") return { en: `no point ${rest}`, "zh-CN": `缺少计量点 ${rest}` };
  if (code === "DECLARATION_MISSING") return { en: `the site file lacks ${rest}`, "zh-CN": `站点文件缺少 ${rest}` };
  if (code === "POINT_SILENT") return { en: `nothing was heard of ${rest}`, "zh-CN": `没有收到 ${rest} 的数据` };
  return { en: what, "zh-CN": what };
};

const isLack = (flag: string): boolean => /^(POINT|DECLARATION)_MISSING:/.test(flag);

/** Nodes that a KPI depends on, by its key `<kpi>/<variant>`. */
export type KpiNodes = (kpi: string, variant: string | undefined) => readonly string[];

/** The report of one site from its readings and the KPIs over the window; `readings` are in event-time order. */
export const commission = (
  model: SiteModel,
  window: { readonly from: number; readonly to: number },
  recorded: {
    readonly readings: ReadonlyMap<string, readonly Reading[]>;
    readonly kpis: readonly KpiResult[];
    readonly nodesOf: KpiNodes;
    readonly suspect: Suspect | null;
    readonly models: Commissioning["models"];
  },
): Commissioning => {
  const all = model.nodes.flatMap((node) =>
    node.points
      .filter(({ estimate }) => estimate === undefined)
      .map((point) => see(model, node, point, recorded.readings.get(point.device) ?? [])),
  );
  const meters = all.map((seen): MeterReport => {
    const { node, point, readings } = seen;
    const wanted = [point.power, point.energyForward, point.energyReverse, point.soc].filter((name) => name !== null);
    return {
      ...{ node: node.id, point: point.code, device: point.device, readings: readings.length },
      silent: wanted.filter((name) => seriesOf(readings, name).ts.length === 0),
      ratio: ratioOf(model, seen, all, recorded.suspect),
      phase: phaseOf(seen),
      direction: directionOf(seen, model),
      clock: clockOf(seen),
      interval: intervalOf(seen),
    };
  });
  const kpis = recorded.kpis.map(({ kpi, variant, value, flags }): KpiReport => {
    const nodes = recorded.nodesOf(kpi, variant);
    const silent =
      value !== null
        ? []
        : meters
            .filter((meter) => nodes.includes(meter.node) && meter.silent.length > 0)
            .map((meter) => `POINT_SILENT:${meter.point} ${meter.device} (${meter.silent.join(", ")})`);
    const lacks = [...flags.filter(isLack), ...silent].map((what) => ({ what, text: lackText(what) }));
    return { kpi, variant: variant ?? null, able: value !== null, lacks };
  });
  return { site: model.id, ...window, models: recorded.models, kpis, meters, suspect: recorded.suspect };
};
