import type { BrokerCode } from "./errors.ts";
import type { Identity } from "./message.ts";
import { parseTopic, quote, reservedDevices } from "./topic.ts";

// C0, DEL and C1: a log line or a terminal must not be steered by a name from outside.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/;
const clientIdCharacters = 256;

/**
 * May this identity publish here? Only role `system` writes `account`, `alert`, the site `system` and `$…`.
 * A device writes `dc/<its site>/<its device>/…`, a gateway below its site, both also foreign dialects.
 */
export function mayPublish(identity: Identity, topic: string): Verdict {
  if (topic === "") return refuse("BROKER_TOPIC_MALFORMED", "topic is empty");
  if (control.test(topic)) return refuse("BROKER_TOPIC_MALFORMED", `topic ${quote(topic)} has a control character`);
  if (identity.role === "system") return allowed;
  if (identity.role === "reader") return refuse("BROKER_TOPIC_FOREIGN", `user ${quote(identity.user)} may only read`);
  if (topic.startsWith("$")) return refuse("BROKER_TOPIC_RESERVED", `topic ${quote(topic)} is written by Wattlas only`);

  const [root, site, device] = topic.split("/");
  if (root !== "dc") return mayPublishForeign(identity, topic);
  if (site === "system" || reservedDevices.some((name) => name === device)) {
    return refuse("BROKER_TOPIC_RESERVED", `topic ${quote(topic)} is written by Wattlas only`);
  }
  if (identity.site === null) return allowed;
  if (site === "" || device === "" || device === undefined) {
    const parsed = parseTopic(topic);
    return refuse("BROKER_TOPIC_MALFORMED", parsed.ok ? `topic ${quote(topic)} is not allowed` : parsed.reason);
  }
  if (site !== identity.site) {
    return refuse(
      "BROKER_TOPIC_FOREIGN",
      `user ${quote(identity.user)} writes site ${quote(identity.site)}, not topic ${quote(topic)}`,
    );
  }
  if (identity.device === null || identity.device === device) return allowed;
  return refuse(
    "BROKER_TOPIC_FOREIGN",
    `user ${quote(identity.user)} writes device ${quote(identity.device)}, not topic ${quote(topic)}`,
  );
}

/** May this identity subscribe to this filter? With a site, only to filters that stay below `dc/<its site>/`. */
export function maySubscribe(identity: Identity, filter: string): Verdict {
  const fault = filterFault(filter);
  if (fault !== null) return refuse("BROKER_TOPIC_MALFORMED", `filter ${quote(filter)} ${fault}`);
  if (identity.role === "system") return allowed;
  if (filter.startsWith("$")) {
    // `$SYS` tells client ids; `$share` would be taken literally and never match.
    if (identity.role === "admin" && filter.startsWith("$SYS/")) return allowed;
    return refuse("BROKER_SUBSCRIBE_REFUSED", `filter ${quote(filter)} is not open to user ${quote(identity.user)}`);
  }
  if (identity.site === null) return allowed;
  const [root, site] = filter.split("/");
  if (root === "dc" && site === identity.site) return allowed;
  return refuse(
    "BROKER_SUBSCRIBE_REFUSED",
    `user ${quote(identity.user)} reads below "dc/${identity.site}/", not filter ${quote(filter)}`,
  );
}

/**
 * May this identity say something about this device? For what only the payload tells: batches and foreign dialects,
 * whose topic does not name the site or the device of each reading.
 */
export function mayWrite(identity: Identity, site: string, device: string): Verdict {
  return mayPublish(identity, `dc/${site}/${device}/telemetry`);
}

/** `mayPublish` for the telemetry topic of a site and device whose names are good: asked for each message. */
export function mayTell({ role, site, device }: Identity, ofSite: string, ofDevice: string): boolean {
  if (role === "system") return true;
  if (role === "reader" || ofSite === "system") return false;
  return site === null || (site === ofSite && (device === null || device === ofDevice));
}

/** A user name or client id that would be a wildcard, a path or a control sequence somewhere (CVE-2017-7650). */
export function checkName(kind: "user name" | "client id", name: string): Verdict {
  const bad = /[#+/]/.exec(name)?.[0] ?? control.exec(name)?.[0];
  if (bad !== undefined) return refuse("BROKER_CLIENT_ID_REFUSED", `${kind} ${quote(name)} has ${quote(bad)}`);
  if (name.length > clientIdCharacters) {
    return refuse("BROKER_CLIENT_ID_REFUSED", `${kind} ${quote(name)} is longer than ${clientIdCharacters} characters`);
  }
  return allowed;
}

/** Whether an address or host name is this machine talking to itself. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|(?:::ffff:)?127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function mayPublishForeign(identity: Identity, topic: string): Verdict {
  if (identity.site !== null || identity.role === "admin" || identity.loopback) return allowed;
  return refuse("BROKER_TOPIC_FOREIGN", `topic ${quote(topic)} does not start with "dc/"`);
}

// [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1]
function filterFault(filter: string): string | null {
  if (filter === "") return "is empty";
  if (control.test(filter)) return "has a control character";
  const levels = filter.split("/");
  for (const [index, level] of levels.entries()) {
    if (level === "#" && index !== levels.length - 1) return `has "#" at position ${index + 1}, expected it last`;
    if (level.length > 1 && /[#+]/.test(level))
      return `has ${quote(level)} at position ${index + 1}, wildcards stand alone`;
  }
  return null;
}

function refuse(code: BrokerCode, reason: string): Verdict {
  return { ok: false, code, reason };
}

const allowed: Verdict = { ok: true };

export type Verdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: BrokerCode; readonly reason: string };
