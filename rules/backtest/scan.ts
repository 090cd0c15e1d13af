import type { Account, AccountFlag } from "#energy";
import { createKeptReader, type KeptReader } from "#store";
import type { NodeParts, PartField } from "../node-parts.ts";
import { partFields, partOfColumns } from "../node-parts.ts";
import { createTableScan } from "./scan-table.ts";

// an account as it is kept ─┬▶ its nodes, straight into columns: half a thousand objects would cost more than judging them
//                           └▶ everything else, parsed as usual

export interface ScannedAccount {
  readonly account: Account;
  readonly nodes: NodeParts;
}

const [quote, colon, comma, open, close, bracket, minus, point, zero] = [34, 58, 44, 123, 125, 91, 45, 46, 48];
const marker = Buffer.from('"nodes":{');
const powers = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
const fieldOfKey: Readonly<Record<string, PartField>> = {
  forwardWh: "forwardWh",
  reverseWh: "reverseWh",
  meanW: "meanW",
  minW: "minW",
  maxW: "maxW",
  socPct: "socPct",
  storedWh: "storedWh",
  coverage: "coverage",
};

/** The bytes of an account apart: what is not nodes as they were written, the nodes in columns. */
export interface CutAccount {
  readonly rest: string;
  readonly columns: NodeParts["columns"];
  readonly flags: NodeParts["flags"];
}

export const columnsOf = (nodes: number, data = new Float64Array(partFields.length * nodes)): NodeParts["columns"] =>
  Object.fromEntries(
    partFields.map((field, index) => [field, data.subarray(index * nodes, (index + 1) * nodes)]),
  ) as Record<PartField, Float64Array>;

export const scannedOf = (
  { rest, columns, flags }: CutAccount,
  places: ReadonlyMap<string, number>,
): ScannedAccount => ({
  account: JSON.parse(rest) as Account,
  nodes: { columns, flags, part: (id) => partOfColumns(columns, flags, places.get(id) ?? -1) },
});

/**
 * Reads accounts of one site as the ledger keeps them; `ids` are the nodes whose columns are wanted, in their order.
 * Scanners of many sites may share what they know of how accounts are kept.
 */
export const createScanner = (ids: readonly string[], kept: KeptReader = createKeptReader()) => {
  const places = new Map(ids.map((id, place) => [id, place]));
  const placeOf = (id: string): number => places.get(id) ?? -1;
  // What stood at each turn of the account before: the next has the same order.
  const before: { readonly id: Uint8Array; readonly place: number }[] = [];
  const keys = new Map<number, { readonly text: Uint8Array; readonly field: PartField | "check" | "flags" | null }[]>();
  const flagsKnown = new Map<string, readonly AccountFlag[]>();
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;

  const skipString = (): void => {
    at++;
    while (bytes[at] !== quote) at += bytes[at] === 92 ? 2 : 1;
    at++;
  };
  const skipValue = (): void => {
    const first = bytes[at] ?? 0;
    if (first === quote) skipString();
    else if (first === open || first === bracket) {
      let depth = 0;
      do {
        const byte = bytes[at] ?? 0;
        if (byte === quote) {
          skipString();
          continue;
        }
        if (byte === open || byte === bracket) depth++;
        else if (byte === close || byte === 93) depth--;
        at++;
        if (at > bytes.length) throw new SyntaxError("an account ends inside a value");
      } while (depth > 0);
    } else while (bytes[at] !== comma && bytes[at] !== close && at < bytes.length) at++;
  };
  /** Exact: digits that fit a whole number over a power of ten that does, too; the rest is left to the language. */
  const readNumber = (): number => {
    const from = at;
    const isNegative = bytes[at] === minus;
    if (isNegative) at++;
    let whole = 0;
    let decimals = -1;
    for (; ; at++) {
      const digit = (bytes[at] ?? 0) - zero;
      if (digit >= 0 && digit <= 9) {
        whole = whole * 10 + digit;
        if (decimals >= 0) decimals++;
      } else if (bytes[at] === point) decimals = 0;
      else break;
    }
    const byte = bytes[at];
    if ((byte === comma || byte === close) && whole <= Number.MAX_SAFE_INTEGER && decimals <= 22) {
      const value = decimals <= 0 ? whole : whole / (powers[decimals] ?? 1);
      return isNegative ? -value : value;
    }
    at = from;
    skipValue();
    const text = bytes.toString("latin1", from, at);
    return text === "null" ? Number.NaN : Number(text);
  };
  const isSame = (text: Uint8Array, from: number): boolean => {
    for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text[i]) return false;
    return bytes[from + text.length] === quote;
  };
  const readKey = () => {
    const from = at + 1;
    // Long enough to tell the keys of a node apart; whoever shares it is compared letter by letter.
    const mark = ((bytes[from] ?? 0) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    let known = keys.get(mark)?.find(({ text }) => isSame(text, from));
    if (known === undefined) {
      skipString();
      const text = bytes.subarray(from, at - 1);
      const name = text.toString();
      const field = Object.hasOwn(fieldOfKey, name) ? (fieldOfKey[name] ?? null) : null;
      known = { text: Uint8Array.from(text), field: name === "check" || name === "flags" ? name : field };
      keys.set(mark, [...(keys.get(mark) ?? []), known]);
    } else at = from + known.text.length + 1;
    if (bytes[at] !== colon) throw new SyntaxError(`expected ":" at ${at} of an account`);
    at++;
    return known.field;
  };
  const readId = (turn: number): number => {
    const from = at + 1;
    const last = before[turn];
    if (last !== undefined && isSame(last.id, from)) at = from + last.id.length + 1;
    else {
      skipString();
      const text = bytes.subarray(from, at - 1);
      const place = placeOf(JSON.parse(`"${text.toString()}"`) as string);
      before[turn] = { id: Uint8Array.from(text), place };
    }
    at++;
    return before[turn]?.place ?? -1;
  };

  const flagsOf = (text: string): readonly AccountFlag[] => {
    const flags = flagsKnown.get(text) ?? (JSON.parse(text) as readonly AccountFlag[]);
    // A handful in any site; what a stranger wrote must not pile up.
    if (flagsKnown.size < 1000) flagsKnown.set(text, flags);
    return flags;
  };

  /** Calls for each key of an object until its end. */
  const readObject = (member: () => void): void => {
    at++;
    while (bytes[at] !== close) {
      if (bytes[at] !== quote) throw new SyntaxError(`expected a name at ${at} of an account`);
      member();
      if (bytes[at] === comma) at++;
    }
    at++;
  };

  const cutText = (given: Uint8Array, columns: NodeParts["columns"]): CutAccount => {
    bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    const from = bytes.indexOf(marker);
    if (from < 0) throw new SyntaxError("an account without nodes");
    at = from + marker.length - 1;
    const flags = new Map<number, readonly AccountFlag[]>();
    let turn = 0;
    let place = -1;
    const readCheck = (): void => {
      const field = bytes[at + 1] === 114 ? "registerWh" : "gaugeWh";
      at = bytes.indexOf(colon, at) + 1;
      const value = readNumber();
      if (place >= 0) columns[field][place] = value;
    };
    const readPart = (): void => {
      const field = readKey();
      if (field === null) skipValue();
      else if (field === "check") {
        if (bytes[at] === open) readObject(readCheck);
        else skipValue();
      } else if (field === "flags") {
        const start = at;
        skipValue();
        if (at - start > 2 && place >= 0) flags.set(place, flagsOf(bytes.toString("latin1", start, at)));
      } else {
        const value = readNumber();
        if (place >= 0) columns[field][place] = value;
      }
    };
    readObject(() => {
      place = readId(turn++);
      readObject(readPart);
    });
    const rest = `${bytes.toString("utf8", 0, from)}"nodes":{}${bytes.toString("utf8", at)}`;
    return { rest, columns, flags };
  };

  const scanTable = createTableScan(placeOf);
  /** `columns` are filled; they must be of so many nodes. */
  const cut = (given: Uint8Array, columns: NodeParts["columns"]): CutAccount => {
    for (const field of partFields) columns[field].fill(Number.NaN);
    const { text, table } = kept.open(given);
    if (table === null) return cutText(text, columns);
    if (table.layout.member === "nodes") return { rest: table.rest, columns, flags: scanTable(table, columns) };
    return cutText(Buffer.from(JSON.stringify(kept.body(given))), columns);
  };
  return { cut, scan: (given: Uint8Array): ScannedAccount => scannedOf(cut(given, columnsOf(ids.length)), places) };
};
