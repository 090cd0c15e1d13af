// What an expression cannot do without, found in its tree: with one of them missing it has no value, whatever the rest.

const strict = new Set(["<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "%", "-_", "!_"]);

/** Names that every evaluation reads. A side of `&&` and `||` or a branch may be passed over, so only what both read counts. */
export const neededNames = (node: unknown): readonly string[] => {
  if (!isNode(node)) return [];
  const { op, args } = node;
  if (op === "id") return typeof args === "string" ? [args] : [];
  if (strict.has(op)) return Array.isArray(args) ? args.flatMap(neededNames) : neededNames(args);
  if (!Array.isArray(args)) return [];
  const [first, second, third] = args as readonly unknown[];
  if (op === "&&" || op === "||") return both(first, second);
  if (op === "?:") return [...neededNames(first), ...both(second, third)];
  // `has` looks without reading.
  if (op === "call" && first !== "has" && Array.isArray(second)) return second.flatMap(neededNames);
  return [];
};

const both = (left: unknown, right: unknown): readonly string[] => {
  const others = neededNames(right);
  return neededNames(left).filter((name) => others.includes(name));
};

export const isNode = (node: unknown): node is { op: string; args: unknown } =>
  typeof node === "object" && node !== null && "op" in node && "args" in node;
