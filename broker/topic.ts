import type { BrokerCode } from "./errors.ts";

const identifier = /^[A-Za-z0-9._-]{1,64}$/;
const shownCharacters = 80;
// What JSON leaves as it is and a terminal obeys: C1 controls, line separators, changes of direction.
const steering = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const deviceKinds = ["telemetry", "batch", "status"] as const;

/** Third levels of `dc/<site>/…` where only Wattlas writes; no device may be called so. */
export const reservedDevices = ["account", "alert"] as const;

/** Parts of a `dc/…` topic. Positions in reasons count levels from 1. The inverse of `formatTopic`. */
export function parseTopic(text: string): TopicResult {
  const levels = text.split("/");
  if (levels[0] !== "dc") {
    return { ok: false, code: "BROKER_TOPIC_FOREIGN", reason: `topic ${quote(text)} does not start with "dc/"` };
  }
  for (const [index, level] of levels.entries()) {
    if (level === "") return malformed(text, `has an empty level at position ${index + 1}`);
    if (identifier.test(level)) continue;
    return malformed(
      text,
      `has ${quote(level)} at position ${index + 1}, expected 1 to 64 of letters, digits, ".", "_" and "-"`,
    );
  }
  const [, site, third, fourth, fifth] = levels;
  if (site === undefined || third === undefined || fourth === undefined) {
    return malformed(text, `has ${levels.length} of 4 levels, expected dc/<site>/<device>/<kind>`);
  }
  if (third === "account") return parseAccount(text, levels.length, site, fourth, fifth);
  if (third === "alert") {
    if (fifth === undefined || levels.length !== 5) {
      return malformed(text, `has ${levels.length} levels, expected dc/<site>/alert/<rule>/<subject>`);
    }
    return { ok: true, address: { kind: "alert", site, rule: fourth, subject: fifth } };
  }
  const kind = deviceKinds.find((known) => known === fourth);
  if (kind === undefined) {
    return malformed(text, `has ${quote(fourth)} at position 4, expected ${deviceKinds.join(", ")}`);
  }
  if (levels.length !== 4) return malformed(text, `has ${levels.length} levels, expected 4`);
  return { ok: true, address: { kind, site, device: third } };
}

/** The topic of an address. The inverse of `parseTopic`. */
export function formatTopic(address: TopicAddress): string {
  switch (address.kind) {
    case "account":
      return `dc/${address.site}/account/${address.step}${address.restated === "restated" ? "/restated" : ""}`;
    case "alert":
      return `dc/${address.site}/alert/${address.rule}/${address.subject}`;
    default:
      return `dc/${address.site}/${address.device}/${address.kind}`;
  }
}

/** A text in double quotes, escaped and bounded, for messages. */
export function quote(text: string): string {
  const shown = JSON.stringify(text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text);
  return shown.replace(steering, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function parseAccount(text: string, length: number, site: string, step: string, last: string | undefined): TopicResult {
  if (last === undefined) return { ok: true, address: { kind: "account", site, step, restated: "newest" } };
  if (last !== "restated") return malformed(text, `has ${quote(last)} at position 5, expected "restated"`);
  if (length !== 5) return malformed(text, `has ${length} levels, expected 5`);
  return { ok: true, address: { kind: "account", site, step, restated: "restated" } };
}

function malformed(text: string, problem: string): TopicResult {
  return { ok: false, code: "BROKER_TOPIC_MALFORMED", reason: `topic ${quote(text)} ${problem}` };
}

export type TopicResult =
  | { readonly ok: true; readonly address: TopicAddress }
  | { readonly ok: false; readonly code: BrokerCode; readonly reason: string };

/** A topic of ours, as parts. */
export type TopicAddress =
  | { readonly kind: "telemetry"; readonly site: string; readonly device: string }
  | { readonly kind: "batch"; readonly site: string; readonly device: string }
  | { readonly kind: "status"; readonly site: string; readonly device: string }
  | { readonly kind: "account"; readonly site: string; readonly step: string; readonly restated: "restated" | "newest" }
  | { readonly kind: "alert"; readonly site: string; readonly rule: string; readonly subject: string };
