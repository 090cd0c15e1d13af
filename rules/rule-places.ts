import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { yamlText } from "./wording.ts";

/** Something wrong in a rule file: where, and what was expected. */
export interface RuleFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The YAML as plain data, and for each path in it the line and column it came from. */
export const findPlaces = (source: string, file: string) => {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const faultAt = (offset: number, message: string): RuleFault => {
    const { line, col } = counter.linePos(offset);
    return { file, line, column: col, message };
  };
  const startOf = (node: unknown): number | undefined =>
    (node as { range?: readonly number[] | null } | null | undefined)?.range?.[0];
  const keyOf = (node: unknown, key: string): unknown =>
    isMap(node) ? node.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key : undefined;
  return {
    value: document.errors.length > 0 ? null : (document.toJS() as unknown),
    // What follows from the first is no fault of its own.
    faults: document.errors.slice(0, 1).map((error) => faultAt(error.pos[0], yamlText(error.message))),
    /** `within`: an offset in the text of the value; `key`: a key of the mapping at the path. */
    fault(path: readonly string[], message: string, within = 0, key?: string): RuleFault {
      for (let depth = path.length; depth >= 0; depth--) {
        const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
        const place = key !== undefined && depth === path.length ? keyOf(node, key) : undefined;
        const start = startOf(place ?? node);
        if (start !== undefined)
          return faultAt(start + (depth === path.length ? inScalar(source, node, start, within) : 0), message);
      }
      return faultAt(0, message);
    },
  };
};

// Folded and escaped texts have no simple offset: their faults point at where the text begins.
const inScalar = (source: string, node: unknown, start: number, within: number): number => {
  if (within === 0 || !isScalar(node) || typeof node.value !== "string") return 0;
  const quoted = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE" ? 1 : 0;
  return source.slice(start + quoted).startsWith(node.value) ? quoted + within : 0;
};
