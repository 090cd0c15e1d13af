import type { SiteModel } from "#energy";
import type { Reading } from "#store";
import { aboutOf } from "./about.ts";
import type { Alert } from "./alert.ts";
import { createDeviceModel, type DeviceModel, type SavedShares } from "./device-model.ts";
import { evaluate, type Facts, fires } from "./evaluate.ts";
import type { Armed, Judge } from "./judge.ts";
import { calmLag, createLags, lagInputs, type SavedLags } from "./lag.ts";
import type { Lives } from "./lives.ts";
import { type Present, valueAgeMs } from "./present.ts";
import type { Rule } from "./rule.ts";

const minuteMs = 60_000;

/** The rules on the values and the clocks of single devices. */
export interface ValueRules {
  judge(reading: Reading, now: number): Alert[];
  /** Whether `judge` may have something to say of a reading of the device with these quantities, whatever its times. */
  concern(device: string, quantities: readonly string[]): boolean;
  /** Whether `judge` has nothing to say about the device's clock; `newestTs` as `newest` gives it. */
  isOnTime(
    device: string,
    reading: { readonly ts: number; readonly received: number },
    newestTs: number | null,
  ): boolean;
  /** At every full minute: values that have not been heard of for too long are not known. */
  forget(before: number, now: number, wall: number): Alert[];
  readonly note: DeviceModel["note"];
  saveLags(): SavedLags;
  saveShares(): SavedShares;
}

interface ValueRulesDeps extends Judge {
  readonly model: SiteModel;
  /** All rules of the site: sites with the same list share what it says of devices. */
  readonly all: readonly Rule[];
  readonly rules: readonly Armed[];
  readonly lives: Lives;
  readonly present: Present;
  readonly timeFacts: (rule: Rule, now: number) => Facts;
  /** Event time of the newest reading of a device before this one. */
  readonly newest: (device: string) => number | null;
  readonly savedLags: SavedLags | undefined;
  readonly savedShares: SavedShares | undefined;
}

export const createValueRules = (deps: ValueRulesDeps): ValueRules => {
  const { model, all, rules, lives, present, timeFacts, newest, assess, see } = deps;
  const about = aboutOf(model.nodes, all);
  const deviceModel = createDeviceModel(
    model,
    rules.map(({ rule }) => rule),
    deps.savedShares,
  );
  const isAboutClocks = ({ inputs }: Rule): boolean => inputs.every((name) => lagInputs.includes(name));
  const clockRules = new Set(rules.filter(({ rule }) => isAboutClocks(rule)).map(({ rule }) => rule));
  const readsLag = rules.some(({ rule }) => rule.inputs.some((name) => lagInputs.includes(name)));
  const lags = createLags(calmLag([...clockRules], fires), deps.savedLags);

  /** A reading without the quantity says nothing about it. */
  const judge = (reading: Reading, now: number): Alert[] => {
    const { device } = reading;
    const isDoubted = readsLag && lags.note(device, reading, newest(device));
    // A value of long ago says nothing about now, but all about the clock that dated it.
    const isOld = now - reading.ts > valueAgeMs;
    if (isOld && clockRules.size === 0) return [];
    const mine = about(device);
    if (mine.size === 0) return [];
    const changed: Alert[] = [];
    for (const one of rules) {
      const isClock = clockRules.has(one.rule);
      if (isClock ? !isDoubted && !lives.has(one.rule.id, device) : isOld) continue;
      const { needs } = one.rule;
      if (!mine.has(one.rule)) continue;
      if (!needs.some((input) => input === "lag_s" || Object.hasOwn(reading.quantities, input))) continue;
      const known = {
        ...timeFacts(one.rule, now),
        ...(isClock ? {} : present.deviceFacts(one.rule, reading, now)),
        ...deviceModel.facts(one.rule, device, now),
        ...(readsLag ? lags.facts(device, reading) : {}),
      };
      changed.push(
        ...assess(one, reading.device, known, { now, from: now, gapMs: valueAgeMs, wall: reading.received }),
      );
    }
    return changed;
  };

  const concern: ValueRules["concern"] = (device, quantities) => {
    const mine = about(device);
    return rules.some(
      ({ rule }) =>
        !clockRules.has(rule) &&
        mine.has(rule) &&
        rule.needs.some((input) => input === "lag_s" || quantities.includes(input)),
    );
  };

  const isOnTime: ValueRules["isOnTime"] = (device, reading, newestTs) => {
    if (readsLag && !lags.isCalm(device, reading, newestTs)) return false;
    for (const { id } of clockRules) if (lives.has(id, device)) return false;
    return true;
  };

  const forget = (before: number, now: number, wall: number): Alert[] => {
    if (rules.length === 0 || Math.floor(before / minuteMs) === Math.floor(now / minuteMs)) return [];
    const changed: Alert[] = [];
    const first = (Math.floor(before / minuteMs) + 1) * minuteMs;
    for (const { key, life } of lives.ofRules(rules.map(({ rule }) => rule.id))) {
      const [id, device, subcode] = key;
      const since = life.at ?? 0;
      if (life.at === null || life.alert === null) continue;
      for (const { rule, alarms } of rules.filter((one) => one.rule.id === id)) {
        const ageMs = Math.max(valueAgeMs, 2 * (rule.everyS ?? 0) * 1000);
        const at = Math.max(first, (Math.floor((since + ageMs) / minuteMs) + 1) * minuteMs);
        if (at > now) continue;
        const alarm = alarms.filter((one) => one.subcode === subcode);
        const finding = evaluate(rule, {});
        changed.push(...see(alarm, device, finding, { now: at, from: at, gapMs: null, wall, standing: "judged" }));
      }
    }
    return changed;
  };

  return {
    judge,
    concern,
    isOnTime,
    forget,
    note: deviceModel.note,
    saveLags: lags.save,
    saveShares: deviceModel.save,
  };
};
