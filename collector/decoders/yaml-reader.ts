import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";

type Fault = (node: Node | null | undefined, message: string) => void;
/** Reads YAML nodes; what is not as expected becomes a fault and `undefined`. */
export const createReader = (fault: Fault) => {
  const shown = (node: unknown): string => {
    const value = isScalar(node) ? node.value : isMap(node) ? "a map" : isSeq(node) ? "a list" : node;
    return isMap(node) || isSeq(node) ? String(value) : (JSON.stringify(value) ?? "nothing");
  };
  const keyOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key);
  return {
    fault,
    shown,
    keyOf,
    map(node: unknown, what: string): YAMLMap | undefined {
      if (isMap(node)) return node;
      fault(node as Node | null, `${what} must be a map, not ${shown(node)}`);
      return undefined;
    },
    keys(map: YAMLMap, allowed: readonly string[], what: string): void {
      for (const pair of map.items) {
        if (allowed.includes(keyOf(pair))) continue;
        fault(pair.key as Node, `${what} has no key "${keyOf(pair)}"; known are ${allowed.join(", ")}`);
      }
    },
    get: (map: YAMLMap, key: string): Node | undefined => (map.get(key, true) as Node | undefined) ?? undefined,
    text(node: unknown, what: string): string | undefined {
      if (isScalar(node) && ["string", "number", "boolean"].includes(typeof node.value)) return String(node.value);
      fault(node as Node | null, `${what} must be text, not ${shown(node)}`);
      return undefined;
    },
    number(node: unknown, what: string): number | undefined {
      if (isScalar(node) && typeof node.value === "number" && Number.isFinite(node.value)) return node.value;
      fault(node as Node | null, `${what} must be a number, not ${shown(node)}`);
      return undefined;
    },
    texts(node: unknown, what: string): readonly (readonly [string, Node])[] {
      const nodes = isSeq(node) ? node.items : [node];
      return nodes.flatMap((item) => {
        const text = this.text(item, what);
        return text === undefined ? [] : [[text, item as Node] as const];
      });
    },
  };
};

export type Reader = ReturnType<typeof createReader>;
