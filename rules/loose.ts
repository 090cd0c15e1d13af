import type { Named } from "./rule.ts";
import type { Tree } from "./tree.ts";

// A trigger without the values that are dear to work out. Whatever makes the trigger true makes the looser one true:
//   gap > max(step, share * total, dear)   ─▶   gap > max(step, share * total)

/** Null: some value of the names that are costly to work out could make it true. */
export const looser = (tree: Tree, dear: ReadonlySet<string>, named: readonly Named[]): Tree | null => {
  const treeOf = (name: string): Tree | null => named.find((one) => one.name === name)?.expression.tree ?? null;
  const isDear = (part: Tree): boolean => {
    switch (part.op) {
      case "constant":
        return false;
      case "name":
        return dear.has(part.name);
      case "not":
      case "negative":
        return isDear(part.of);
      case "if":
        return isDear(part.condition) || isDear(part.yes) || isDear(part.no);
      case "call":
        return part.args.some(isDear);
      default:
        return isDear(part.left) || isDear(part.right);
    }
  };
  /** A part that is never more (`least`) or never less (`most`) than the whole. */
  const bound = (part: Tree, side: "least" | "most"): Tree | null => {
    if (!isDear(part)) return part;
    const other = side === "least" ? "most" : "least";
    if (part.op === "name") {
      const of = treeOf(part.name);
      return of === null ? null : bound(of, side);
    }
    if (part.op === "negative") {
      const of = bound(part.of, other);
      return of === null ? null : { ...part, of };
    }
    if (part.op === "+" || part.op === "-") {
      const [left, right] = [bound(part.left, side), bound(part.right, part.op === "+" ? side : other)];
      return left === null || right === null ? null : { ...part, left, right };
    }
    if (part.op !== "call" || (part.by.run !== Math.max && part.by.run !== Math.min)) return null;
    const args = part.args.map((arg) => bound(arg, side)).filter((arg) => arg !== null);
    const mayLack = (part.by.run === Math.max) === (side === "least");
    return args.length === part.args.length || (mayLack && args.length > 0) ? { ...part, args } : null;
  };
  const loose = (part: Tree): Tree | null => {
    if (!isDear(part)) return part;
    switch (part.op) {
      case "name": {
        const of = treeOf(part.name);
        return of === null ? null : loose(of);
      }
      case "and": {
        const [left, right] = [loose(part.left), loose(part.right)];
        return left === null ? right : right === null ? left : { ...part, left, right };
      }
      case "or": {
        const [left, right] = [loose(part.left), loose(part.right)];
        return left === null || right === null ? null : { ...part, left, right };
      }
      case ">":
      case ">=":
      case "<":
      case "<=": {
        const isMore = part.op === ">" || part.op === ">=";
        const left = bound(part.left, isMore ? "most" : "least");
        const right = bound(part.right, isMore ? "least" : "most");
        return left === null || right === null ? null : { ...part, left, right };
      }
      default:
        return null;
    }
  };
  return loose(tree);
};
