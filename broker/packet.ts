import type { BrokerCode } from "./errors.ts";

/** Control packet types of MQTT 3.1.1, table 2.1. */
export const packetType = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

/** What the fixed header alone tells: type, reserved flags, length. [MQTT-2.2.2-2] */
export function checkHeader(first: number, length: number): Fault | null {
  const type = first >> 4;
  const flags = first & 0x0f;
  switch (type) {
    case packetType.publish: {
      const qos = (flags >> 1) & 3;
      if (qos === 3) return malformed("PUBLISH has QoS 3"); // [MQTT-3.3.1-4]
      if (qos === 0 && flags & 8) return malformed("PUBLISH has DUP with QoS 0"); // [MQTT-3.3.1-2]
      return null;
    }
    case packetType.connect:
      return flags === 0 ? null : malformed(`CONNECT has flags ${flags}, expected 0`);
    case packetType.subscribe:
    case packetType.unsubscribe:
      return flags === 2 ? null : malformed(`packet type ${type} has flags ${flags}, expected 2`);
    case packetType.puback:
    case packetType.pubrec:
    case packetType.pubrel:
    case packetType.pubcomp: {
      const expected = type === packetType.pubrel ? 2 : 0;
      if (flags !== expected) return malformed(`packet type ${type} has flags ${flags}, expected ${expected}`);
      return length === 2 ? null : malformed(`packet type ${type} has ${length} bytes, expected 2`);
    }
    case packetType.pingreq:
    case packetType.disconnect:
      if (flags !== 0) return malformed(`packet type ${type} has flags ${flags}, expected 0`);
      return length === 0 ? null : malformed(`packet type ${type} has ${length} bytes, expected 0`);
    default:
      return malformed(`packet type ${type} is not for a server`);
  }
}

/**
 * Checks what follows the fixed header, bytes `start` to `end`. Of PUBLISH only topic and packet id are looked at, so
 * `end` may stop short of the payload.
 */
export function checkBody(first: number, bytes: Uint8Array, start: number, end: number, limits: TopicLimits) {
  const cursor: Cursor = { bytes, at: start, end };
  switch (first >> 4) {
    case packetType.connect:
      return checkConnect(cursor, limits);
    case packetType.publish:
      return checkTopic(cursor, "topic", limits) ?? (first & 6 ? checkId(cursor) : null);
    case packetType.subscribe:
      return checkFilters(cursor, limits, "SUBSCRIBE");
    case packetType.unsubscribe:
      return checkFilters(cursor, limits, "UNSUBSCRIBE");
    case packetType.pingreq:
    case packetType.disconnect:
      return null;
    default:
      return checkId(cursor);
  }
}

function checkConnect(cursor: Cursor, limits: TopicLimits): Fault | null {
  const name = readString(cursor, "protocol name");
  if ("code" in name) return name;
  const protocol = String.fromCharCode(...cursor.bytes.subarray(name.start, Math.min(name.end, name.start + 8)));
  if (protocol !== "MQTT" && protocol !== "MQIsdp") return malformed("CONNECT has an unknown protocol name");
  if (cursor.end - cursor.at < 4) return malformed("CONNECT is too short");
  const level = cursor.bytes[cursor.at] ?? 0;
  if (level !== (protocol === "MQTT" ? 4 : 3)) {
    // [MQTT-3.1.2-2]
    return { code: "BROKER_PROTOCOL_REFUSED", reason: `protocol level ${level}, expected 4 (MQTT 3.1.1)`, connack: 1 };
  }
  const flags = cursor.bytes[cursor.at + 1] ?? 0;
  cursor.at += 4;
  const hasWill = (flags & 0x04) !== 0;
  const hasUser = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  if (flags & 0x01) return malformed("CONNECT has its reserved flag set"); // [MQTT-3.1.2-3]
  if (!hasWill && flags & 0x38) return malformed("CONNECT has will flags without a will"); // [MQTT-3.1.2-11]
  if ((flags & 0x18) === 0x18) return malformed("CONNECT has will QoS 3"); // [MQTT-3.1.2-14]
  if (hasPassword && !hasUser) return malformed("CONNECT has a password without a user name"); // [MQTT-3.1.2-22]

  const clientId = readString(cursor, "client id");
  if ("code" in clientId) return clientId;
  if (clientId.end === clientId.start && !(flags & 0x02)) {
    // [MQTT-3.1.3-8]
    return { code: "BROKER_CLIENT_ID_REFUSED", reason: "client id is empty without a clean session", connack: 2 };
  }
  if (hasWill) {
    const fault = checkTopic(cursor, "will topic", limits) ?? skipBytes(cursor, "will payload");
    if (fault !== null) return fault;
  }
  if (hasUser) {
    const user = readString(cursor, "user name");
    if ("code" in user) return user;
  }
  if (hasPassword) {
    const fault = skipBytes(cursor, "password");
    if (fault !== null) return fault;
  }
  return cursor.at === cursor.end ? null : malformed(`CONNECT has ${cursor.end - cursor.at} bytes after its end`);
}

function checkFilters(cursor: Cursor, limits: TopicLimits, name: "SUBSCRIBE" | "UNSUBSCRIBE"): Fault | null {
  const fault = checkId(cursor);
  if (fault !== null) return fault;
  if (cursor.at === cursor.end) return malformed(`${name} has no filter`); // [MQTT-3.8.3-3] [MQTT-3.10.3-2]
  while (cursor.at < cursor.end) {
    const text = readName(cursor, "filter", limits);
    if ("code" in text) return text;
    const problem = checkLevels(cursor.bytes, text, "filter", limits);
    if (problem !== null) return problem;
    if (name === "UNSUBSCRIBE") continue;
    const qos = cursor.bytes[cursor.at];
    if (cursor.at >= cursor.end || qos === undefined) return malformed("SUBSCRIBE has a filter without QoS");
    if (qos > 2) return malformed(`SUBSCRIBE asks for QoS byte ${qos}, expected 0 to 2`); // [MQTT-3.8.3-4]
    cursor.at += 1;
  }
  return null;
}

function checkTopic(cursor: Cursor, what: string, limits: TopicLimits): Fault | null {
  const text = readName(cursor, what, limits);
  if ("code" in text) return text;
  for (let at = text.start; at < text.end; at++) {
    const byte = cursor.bytes[at];
    // "#" and "+" [MQTT-3.3.2-2]
    if (byte === 0x23 || byte === 0x2b) return { code: "BROKER_TOPIC_MALFORMED", reason: `${what} has a wildcard` };
  }
  return checkLevels(cursor.bytes, text, what, limits);
}

function checkLevels(bytes: Uint8Array, { start, end }: Span, what: string, limits: TopicLimits): Fault | null {
  let levels = 1;
  for (let at = start; at < end; at++) if (bytes[at] === 0x2f) levels += 1;
  if (levels <= limits.topicLevels) return null;
  return {
    code: "BROKER_TOPIC_MALFORMED",
    reason: `${what} has ${levels} levels, expected at most ${limits.topicLevels}`,
  };
}

function checkId(cursor: Cursor): Fault | null {
  if (cursor.end - cursor.at < 2) return malformed("packet id is missing");
  const id = ((cursor.bytes[cursor.at] ?? 0) << 8) | (cursor.bytes[cursor.at + 1] ?? 0);
  cursor.at += 2;
  return id === 0 ? malformed("packet id is 0") : null; // [MQTT-2.3.1-1]
}

/** The length is looked at first: of a longer topic the guard has not kept all bytes. */
function readName(cursor: Cursor, what: string, limits: TopicLimits): Span | Fault {
  const length = lengthAt(cursor);
  if (cursor.end - cursor.at >= 2 && length > limits.topicBytes) {
    const reason = `${what} has ${length} bytes, expected at most ${limits.topicBytes}`;
    return { code: "BROKER_TOPIC_MALFORMED", reason };
  }
  const text = readString(cursor, what);
  if ("code" in text || text.end > text.start) return text;
  return { code: "BROKER_TOPIC_MALFORMED", reason: `${what} is empty` }; // [MQTT-4.7.3-1]
}

function skipBytes(cursor: Cursor, what: string): Fault | null {
  const span = readSpan(cursor, what);
  return "code" in span ? span : null;
}

function readString(cursor: Cursor, what: string): Span | Fault {
  const span = readSpan(cursor, what);
  if ("code" in span) return span;
  return isText(cursor.bytes, span) ? span : malformed(`${what} is not UTF-8 or has U+0000`);
}

function readSpan(cursor: Cursor, what: string): Span | Fault {
  const { at, end } = cursor;
  const length = lengthAt(cursor);
  if (end - at < 2 || end - at - 2 < length) return malformed(`${what} is cut off`);
  cursor.at = at + 2 + length;
  return { start: at + 2, end: cursor.at };
}

function lengthAt({ bytes, at }: Cursor): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

// [MQTT-1.5.3-1] [MQTT-1.5.3-2]; the ranges are table 3-7 of the Unicode Standard, which leaves surrogates out.
function isText(bytes: Uint8Array, { start, end }: Span): boolean {
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    at += 1;
    if (byte !== 0 && byte < 0x80) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    const tail = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (end - at < tail) return false;
    const low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    const high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    const second = bytes[at] ?? 0;
    if (second < low || second > high) return false;
    for (let more = 1; more < tail; more++) if (((bytes[at + more] ?? 0) & 0xc0) !== 0x80) return false;
    at += tail;
  }
  return true;
}

function malformed(reason: string): Fault {
  return { code: "BROKER_PACKET_MALFORMED", reason };
}

/** Why a packet ends its connection. `connack` is the return code to answer a CONNECT with before that. */
export interface Fault {
  readonly code: BrokerCode;
  readonly reason: string;
  readonly connack?: number;
}

export interface TopicLimits {
  readonly topicBytes: number;
  readonly topicLevels: number;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

interface Span {
  readonly start: number;
  readonly end: number;
}
