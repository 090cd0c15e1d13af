import { z } from "zod";
import type { Alert } from "../alert.ts";
import { createPermitRoll } from "../backtest/orders.ts";
import { acknowledged } from "../command.ts";
import { companionsOf } from "../links.ts";
import { parseRule } from "../rule.ts";
import { createRun } from "../run.ts";
import type { SavedWatch } from "../watch.ts";
import { type Capsule, capsuleFormat } from "./capsule.ts";

/** What a judgement decides, without what people and the wall clock add to it. */
export interface Judged {
  readonly state: Alert["state"];
  readonly severity: Alert["severity"];
  readonly site: number;
  readonly start: number;
  readonly active: number | null;
  readonly returned: number | null;
  readonly inputs: Alert["inputs"];
  readonly thresholds: Alert["thresholds"];
}

export type CapsuleReplay =
  | {
      readonly ok: true;
      /** States, severities, times and thresholds of every transition. */
      readonly equal: boolean;
      /** Inputs that came out otherwise: those that remember more than the capsule holds, such as counts of samples. */
      readonly otherInputs: readonly string[];
      readonly recorded: readonly Judged[];
      readonly replayed: readonly Judged[];
      /** Index of the first transition that differs; null when equal. */
      readonly firstDifference: number | null;
    }
  | { readonly ok: false; readonly reason: string };

// Whatever else is missing shows as a difference; these would break the run itself.
const shape = z.looseObject({
  format: z.literal(capsuleFormat),
  alert: z.looseObject({ id: z.string(), site: z.string() }),
  transitions: z.array(z.looseObject({ id: z.string(), changed: z.object({ wall: z.number(), site: z.number() }) })),
  site: z.looseObject({ id: z.string(), nodes: z.array(z.unknown()), timeZone: z.string() }),
  rules: z.array(
    z.looseObject({ id: z.string(), mode: z.enum(["on", "shadow", "off"]), file: z.string(), source: z.string() }),
  ),
  to: z.number(),
  before: z.looseObject({ clock: z.looseObject({}), lives: z.array(z.unknown()), facts: z.looseObject({}) }).optional(),
  happenings: z.array(z.looseObject({ kind: z.enum(["readings", "account", "tick"]) })),
  permits: z
    .array(z.looseObject({ at: z.number(), wall: z.number(), permit: z.looseObject({ id: z.string() }) }))
    .optional(),
});

const catchupWaitMs = 60_000;
// The last judgements before the alert are those of whole windows.
const fillMs = 120_000;

/**
 * Judges a capsule again from where its rules stood, or from nothing, with the permits of then and acknowledging when it was acknowledged, and compares the
 * transitions. Rules that say nothing of the alert's own are not judged.
 */
export const replayCapsule = (
  value: unknown,
  hash: (text: string) => string,
  parse: typeof parseRule = parseRule,
): CapsuleReplay => {
  const checked = shape.safeParse(value);
  if (!checked.success) return { ok: false, reason: z.prettifyError(checked.error) };
  const {
    alert,
    transitions,
    site,
    rules: files,
    happenings,
    permits = [],
    to,
    others,
    before = null,
  } = value as Capsule;
  const parsed = files.map(({ source, file, mode }) => ({ result: parse(source, file), mode }));
  const faults = parsed.flatMap(({ result }) => (result.ok ? [] : result.faults));
  const fault = faults[0];
  if (fault !== undefined) return { ok: false, reason: `${fault.file}:${fault.line} ${fault.message}` };
  const inForce = parsed.flatMap(({ result, mode }) => (result.ok ? [{ ...result.rule, mode }] : []));
  const own = inForce.filter(({ id }) => id === alert.rule);
  const rules = [...own, ...companionsOf(own, inForce)];
  const begin = (saved: SavedWatch | null) =>
    createRun({ sites: [site], rules, hash, catchupWaitMs, saved: () => saved });
  let run = begin(before);
  let watch = run.watches.get(site.id);
  const isSame = (one: Alert): boolean =>
    one.rule === alert.rule && one.subject === alert.subject && one.subcode === alert.subcode && one.id !== alert.id;
  // Another began later, so somebody had acknowledged it.
  for (const one of before === null ? [] : (watch?.open() ?? []))
    if (isSame(one) && one.state === "RETURNED")
      watch?.amend(one.id, (life) => acknowledged(life, "", "", one.changed));
  const known = new Set([alert.id, ...(others ?? []).map(({ id }) => id)]);
  let isFilling = before === null;
  /** Windows that begin with the file fill first: what half of one raised never was. */
  const forget = (): void => {
    const isFalse = (one: Alert | null): boolean => one !== null && isSame(one) && !known.has(one.id);
    if (watch === undefined || !watch.open().some(isFalse)) return;
    const saved = watch.save();
    run = begin({ ...saved, lives: saved.lives.filter(({ life }) => !isFalse(life.alert)) });
    watch = run.watches.get(site.id);
  };
  const ack = transitions.find(({ acknowledged }) => acknowledged !== null) ?? null;
  let isAcknowledged = ack === null;
  const roll = createPermitRoll(permits);
  const seen: Alert[] = [];
  for (const happening of happenings) {
    const permitted = roll.before(watch, happening);
    const moved = run.take(happening);
    for (const one of [...permitted, ...moved, ...roll.after(watch)]) {
      if (one.id === alert.id) seen.push(one);
      // Another began later, so somebody had acknowledged it.
      if (!isSame(one) || one.state !== "RETURNED" || one.changed.site > alert.start) continue;
      watch?.amend(one.id, (before) => acknowledged(before, "", "", one.changed));
    }
    if (isFilling && (watch?.now() ?? 0) >= alert.start - fillMs) {
      isFilling = false;
      forget();
    }
    if (isAcknowledged || ack === null || (watch?.now() ?? 0) < ack.changed.site) continue;
    const given = ack.acknowledged;
    const changed = watch?.amend(alert.id, (one) =>
      acknowledged(one, given?.by ?? "", given?.reason ?? "", ack.changed),
    );
    if (changed === null || changed === undefined) continue;
    isAcknowledged = true;
    seen.push(changed);
  }
  const recorded = judgementsOf(transitions.filter(({ changed }) => changed.site <= to));
  const replayed = judgementsOf(seen.filter(({ changed }) => changed.site <= to));
  const length = Math.max(recorded.length, replayed.length);
  const differs = Array.from({ length }, (_, index) => index).find(
    (index) => decided(recorded[index]) !== decided(replayed[index]),
  );
  const otherInputs = recorded.flatMap(({ inputs }, index) =>
    Object.keys(inputs).filter((name) => inputs[name] !== replayed[index]?.inputs[name]),
  );
  return {
    ...{ ok: true, equal: differs === undefined, recorded, replayed, firstDifference: differs ?? null },
    otherInputs: [...new Set(otherInputs)],
  };
};

const decided = (one: Judged | undefined): string => JSON.stringify({ ...one, inputs: null });

/** One for each change of what was decided: a comment or an assignment is none. */
const judgementsOf = (transitions: readonly Alert[]): readonly Judged[] => {
  const all: Judged[] = [];
  for (const { state, severity, changed, start, active, returned, inputs, thresholds } of transitions) {
    const last = all.at(-1);
    if (last?.state === state && last.severity === severity && last.active === active) continue;
    all.push({ state, severity, site: changed.site, start, active, returned, inputs, thresholds });
  }
  return all;
};
