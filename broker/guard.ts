//   socket ──chunk──▶ scan ──whole checked frames──▶ aedes
//                      ├──whole plain telemetry──▶ lane
//                      │ at most BROKER_INFLIGHT messages out, a DISCONNECT only after them,
//                      └ nothing between CONNECT and CONNACK; the rest stays in the socket, which stops the sender
import type { Duplex } from "node:stream";
import type { Pace } from "./gate.ts";
import type { Lane } from "./lane.ts";
import { checkBody, checkHeader, type Fault, packetType, type TopicLimits } from "./packet.ts";
import { createPieces, type Pieces } from "./pieces.ts";

// A chunk of 64 KB holds 32,768 packets of two bytes, which aedes answers one by one: 200 ms of the thread at once.
const packetsAtOnce = 64;

/**
 * Watches one connection's bytes. No payload is copied; what is kept is the head of one packet at most, and of an
 * unfinished CONNECT what came of it, once, since strangers may send many.
 */
export function createGuard(limits: GuardLimits): Guard {
  let connect: "awaited" | "passed" | "answered" | "ended" = "awaited";
  let inflight = 0;

  // The packet that the next byte belongs to.
  let first = -1;
  let length = 0;
  let lengthBytes = 0;
  let bodySeen = 0;
  let headerDone = false;
  let wanted = 0;
  let kept: Buffer | null = null;
  let pieces: Pieces | null = null;
  let fault: Fault | null = null;
  let held = false;
  let bodyEnd = 0;
  let pace: Pace | null = null;
  let asking: Pace | null = null;

  function blocked(type: number): boolean {
    if (connect === "passed" || connect === "ended") return true;
    if (type === packetType.disconnect) return inflight > 0;
    if (type === packetType.publish) return isAhead();
    return isQuestion(type) && asking !== null && !asking.mayPass();
  }

  function isAhead(): boolean {
    return inflight >= limits.inflight || (pace !== null && !pace.mayPass());
  }

  function count(): void {
    inflight += 1;
    pace?.pass();
  }

  function header(): Fault | null {
    headerDone = true;
    const type = first >> 4;
    if (connect === "awaited" && type !== packetType.connect) return malformed("first packet is not CONNECT"); // [MQTT-3.1.0-1]
    if (connect === "answered" && type === packetType.connect) return malformed("second CONNECT"); // [MQTT-3.1.0-2]
    const most = type === packetType.connect ? limits.connectBytes : limits.packetBytes;
    if (length > most) {
      return { code: "BROKER_PACKET_TOO_LARGE", reason: `packet of ${length} bytes, expected at most ${most}` };
    }
    // Topic and packet id are all that is looked at in a PUBLISH.
    wanted = type === packetType.publish ? Math.min(length, limits.topicBytes + 4) : length;
    return checkHeader(first, length);
  }

  /** Takes the part of the body that lies in the chunk. */
  function body(chunk: Buffer, at: number, isSplit: boolean): number {
    const here = Math.min(length - bodySeen, chunk.length - at);
    if (here === length && !isSplit) {
      fault = checkBody(first, chunk, at, at + here, limits);
    } else if (first === connectByte) {
      pieces ??= createPieces();
      pieces.add(chunk.subarray(at, at + here));
      if (bodySeen + here === length) kept = pieces.whole();
    } else if (bodySeen < wanted && here > 0) {
      kept ??= Buffer.allocUnsafe(wanted);
      chunk.copy(kept, bodySeen, at, at + Math.min(here, wanted - bodySeen));
    }
    bodySeen += here;
    if (kept !== null && bodySeen === length) fault = checkBody(first, kept, 0, wanted, limits);
    return at + here;
  }

  function finish(): void {
    const type = first >> 4;
    if (type === packetType.connect) connect = "passed";
    if (type === packetType.disconnect) connect = "ended"; // [MQTT-3.14.4-2]
    if (type === packetType.publish) count();
    if (isQuestion(type)) asking?.pass();
    first = -1;
    length = lengthBytes = bodySeen = wanted = 0;
    headerDone = false;
    kept = pieces = null;
  }

  /** Where the body of a packet starts that the lane takes, with its end in `bodyEnd`; 0 if it does not. */
  function bodyForLane(chunk: Buffer, at: number, lane: Lane): number {
    const byte = chunk[at] ?? 0;
    // RETAIN and QoS 2 go the long way, and DUP with QoS 0 is refused there.
    if (byte >> 4 !== packetType.publish || byte & 5 || (byte & 10) === 8) return 0;
    if (connect !== "answered" || isAhead()) return 0;
    let size = 0;
    for (let n = 0; n < 4; n++) {
      const part = chunk[at + 1 + n] ?? 0x80;
      size += (part & 0x7f) * 128 ** n;
      if (part & 0x80) continue;
      const start = at + 2 + n;
      bodyEnd = start + size;
      if (size > limits.packetBytes || bodyEnd > chunk.length) return 0;
      return lane.find(chunk, byte, start, bodyEnd) ? start : 0;
    }
    return 0;
  }

  return {
    get held() {
      return held;
    },
    scan(chunk, start = 0, lane = null) {
      let at = start;
      let from = start;
      let began = -1;
      let packets = 0;
      while (at < chunk.length) {
        if (first === -1) {
          if (packets === packetsAtOnce) return { ok: true, from, taken: at };
          const byte = chunk[at] ?? 0;
          const body = lane === null ? 0 : bodyForLane(chunk, at, lane);
          if (lane !== null && body > 0) {
            // What came before it must be looked at before.
            if (at > from) return { ok: true, from, taken: at };
            lane.take(chunk, byte, bodyEnd);
            count();
            at = from = bodyEnd;
            continue;
          }
          if (blocked(byte >> 4)) {
            held = true;
            return { ok: true, from, taken: at };
          }
          first = byte;
          began = at;
          at += 1;
          packets += 1;
        } else if (!headerDone) {
          const byte = chunk[at] ?? 0;
          at += 1;
          length += (byte & 0x7f) * 128 ** lengthBytes;
          lengthBytes += 1;
          if (byte & 0x80) {
            if (lengthBytes === 4) fault = malformed("remaining length has more than 4 bytes");
          } else {
            fault = header();
            // A packet without a body ends here.
            if (fault === null && length === 0) {
              fault = checkBody(first, chunk, at, at, limits);
              if (fault === null) finish();
            }
          }
        } else {
          const isSplit = began === -1 && first === connectByte;
          at = body(chunk, at, isSplit);
          if (fault === null && bodySeen === length) {
            const whole = isSplit && kept !== null ? frame(first, kept) : null;
            finish();
            if (whole !== null) return { ok: true, from: at, taken: at, whole };
          }
        }
        if (fault !== null) return { ok: false, fault };
      }
      // Nothing stands before a CONNECT, and no part of one passes.
      return { ok: true, from: first === connectByte ? at : from, taken: at };
    },
    answered(messages = null, questions = null) {
      pace = messages;
      asking = questions;
      connect = "answered";
      held = false;
    },
    release(messages = 1) {
      inflight -= messages;
      held = false;
    },
  };
}

/**
 * Puts a guard between a connection and aedes. Until CONNECT is answered aedes reads for itself; afterwards it gets
 * nothing from `read`, and the owner takes whole checked packets and parses them: aedes would wait for its last batch,
 * so that a PINGREQ behind a slow message went unanswered. `onFault` runs once, before the connection is destroyed.
 */
export function attachGuard(connection: Duplex, guard: Guard, onFault: (fault: Fault) => void): Inlet {
  const read = connection.read.bind(connection);
  let state: "connecting" | "open" | "stopped" = "connecting";
  let lane: Lane | null = null;
  let rest: Buffer | null = null;
  let at = 0;

  function take(): Buffer | null {
    for (;;) {
      if (state === "stopped") return null;
      if (guard.held) {
        // Given back rather than kept, so that "end" waits for it.
        if (rest !== null) connection.unshift(rest.subarray(at));
        rest = null;
        return null;
      }
      if (rest === null) {
        rest = read();
        at = 0;
        if (rest === null) return null;
      }
      const chunk: Buffer = rest;
      const result = guard.scan(chunk, at, lane);
      lane?.deliver();
      if (!result.ok) {
        state = "stopped";
        onFault(result.fault);
        connection.destroy(new Error(result.fault.reason));
        return null;
      }
      at = result.taken;
      if (at === chunk.length) rest = null;
      if (result.whole !== undefined) return result.whole;
      if (result.from < result.taken) {
        // An answer to what follows must not overtake acknowledgements, nor a DISCONNECT cut them off.
        lane?.flush();
        return chunk.subarray(result.from, result.taken);
      }
    }
  }

  connection.read = (size?: number): Buffer | null => {
    // Node itself calls read(0) to start the flow.
    if (size === 0) return read(0);
    return state === "connecting" ? take() : null;
  };

  return {
    take,
    open(opened, messages, questions) {
      if (state === "connecting") state = "open";
      lane = opened;
      guard.answered(messages, questions);
    },
    stop() {
      state = "stopped";
    },
  };
}

const connectByte = packetType.connect << 4;

/** What the broker has to answer and no message limit counts. */
function isQuestion(type: number): boolean {
  return type === packetType.pingreq || type === packetType.subscribe || type === packetType.unsubscribe;
}

function frame(first: number, body: Buffer): Buffer {
  const head = [first];
  for (let left = body.length; head.length === 1 || left > 0; left = Math.floor(left / 128))
    head.push((left % 128) | (left >= 128 ? 0x80 : 0));
  return Buffer.concat([Buffer.from(head), body]);
}

function malformed(reason: string): Fault {
  return { code: "BROKER_PACKET_MALFORMED", reason };
}

export interface Guard {
  /** The next packet may not pass yet; until something is released there is no use in offering bytes. */
  readonly held: boolean;
  /**
   * Looks at a chunk from `start`. Bytes `from` to `taken` may pass to aedes, some packets at a time, those before `from`
   * went to the lane; those after `taken` are to be offered again. Or why the connection must end.
   */
  scan(chunk: Buffer, start?: number, lane?: Lane | null): ScanResult;
  /** CONNACK was sent; from now on messages keep one pace, and PINGREQ, SUBSCRIBE and UNSUBSCRIBE another. */
  answered(messages?: Pace | null, questions?: Pace | null): void;
  /** So many messages are stored or refused; one unless told. */
  release(messages?: number): void;
}

type ScanResult =
  | {
      readonly ok: true;
      readonly from: number;
      readonly taken: number;
      /** A CONNECT that came in pieces; it passes before everything else. */
      readonly whole?: Buffer;
    }
  | { readonly ok: false; readonly fault: Fault };

export interface Inlet {
  /** The next bytes that may pass, or null. */
  take(): Buffer | null;
  /** CONNACK was sent: from now on only `take` gives bytes, and plain telemetry goes to the lane. */
  open(lane: Lane | null, messages: Pace | null, questions: Pace | null): void;
  /** Nothing is taken any more. */
  stop(): void;
}

export interface GuardLimits extends TopicLimits {
  readonly connectBytes: number;
  readonly packetBytes: number;
  readonly inflight: number;
}
