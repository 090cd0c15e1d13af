import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import {
  type NodeKind,
  type NodeLevel,
  nodeKinds,
  nodeLevels,
  nodeRoles,
  type Origin,
  type SiteNode,
  type Text,
} from "./model.ts";
import { bothLanguages, feedOf, given, identifier } from "./site-field.ts";
import { readPoint } from "./site-point.ts";
import { readEach } from "./site-repeat.ts";

export const origins: readonly Origin[] = ["measured", "recorded", "synthetic", "estimated"];
const nodeKeys = [
  "id",
  "repeat",
  "kind",
  "name",
  "parent",
  "origin",
  "rating_w",
  "capacity_wh",
  "boundary",
  "counting",
  "level",
  "feed",
  "redundancy",
  "points",
] as const;
/** Kinds that may be inside or outside the data-centre boundary. */
const byChoice: readonly NodeKind[] = ["battery", "thermal", "office", "lighting", "misc"];
/** A node as its file says it, with the places that later checks point at. */
export interface DraftNode {
  readonly at: Field;
  readonly node: SiteNode;
  readonly parentAt: Field | null;
  readonly countingAt: Field | null;
}

const redundancyOf =
  (reader: Reader) =>
  (field: Field): string | null => {
    const text = reader.text(field);
    if (text === null || /^(\d?N(\+\d)?|\dN?\(N\+\d\)|\d\/\d N|DR|RR)$/.test(text)) return text;
    reader.fault(field, `must be a redundancy such as N, N+1, 2N, 2(N+1), DR or RR, got ${quote(text)}`);
    return null;
  };

const readCapacity = (reader: Reader, fields: Fields, kind: NodeKind | null): number | null => {
  const at = fields.get("capacity_wh");
  if (at === null) {
    if (kind === "battery") reader.fault(fields.self, "capacity_wh is missing, a battery needs it");
    return null;
  }
  if (kind !== null && kind !== "battery" && kind !== "thermal")
    reader.fault(at, `only a battery has a capacity, this node is of kind ${kind}`);
  return reader.number(at, { above: 0 });
};

/** One node of a site file. Faults of its values are reported; how it stands to others is checked by `checkTree`. */
const readNode = (reader: Reader, at: Field, fields: Fields): DraftNode | null => {
  const id = reader.required(fields, "id", identifier(reader));
  const kind = reader.required(fields, "kind", (field) => reader.choice(field, nodeKinds));
  const name = reader.optional<Text>(fields, "name", { en: id ?? "", "zh-CN": id ?? "" }, bothLanguages(reader));
  const parentAt = fields.get("parent");
  const parent = parentAt === null || reader.isNone(parentAt) ? null : identifier(reader)(parentAt);
  const countingAt = fields.get("counting");
  const counting = countingAt === null ? null : reader.choice(countingAt, ["counted", "detail"] as const);
  const boundaryAt = fields.get("boundary");
  const boundary = boundaryAt === null ? null : reader.choice(boundaryAt, ["inside", "outside"] as const);
  if (boundaryAt !== null && kind !== null && !byChoice.includes(kind))
    reader.fault(
      boundaryAt,
      `only ${byChoice.join(", ")} are inside or outside the boundary by choice, this node is of kind ${kind}`,
    );
  const capacityWh = readCapacity(reader, fields, kind);
  const ratingW = reader.optional<number | null>(fields, "rating_w", null, (field) =>
    reader.isNone(field) ? null : reader.number(field, { above: 0 }),
  );
  const said = reader.optional<Origin>(fields, "origin", "measured", (field) => reader.choice(field, origins));
  const points = reader
    .optional<readonly Field[]>(fields, "points", [], reader.list)
    .map((point) => readPoint(reader, point, id, kind))
    .filter((point) => point !== null);
  const level = reader.optional<NodeLevel | null>(fields, "level", null, (field) => reader.choice(field, nodeLevels));
  const feed = reader.optional<string | null>(fields, "feed", null, feedOf(reader));
  const redundancy = reader.optional<string | null>(fields, "redundancy", null, redundancyOf(reader));
  if (id === null || kind === null) return null;
  const estimated = points.some((point) => point.estimate !== undefined);
  const origin = estimated ? ("estimated" as const) : said;
  return {
    at,
    parentAt,
    countingAt,
    node: {
      id,
      kind,
      role: nodeRoles[kind],
      name,
      parent,
      origin,
      ratingW,
      capacityWh,
      boundary: boundary ?? (kind === "battery" ? "outside" : "inside"),
      // Heat is not electricity: a tank is no part of the power balance.
      counting: kind === "thermal" ? "detail" : (counting ?? "counted"),
      ...given("level", level),
      ...given("feed", feed),
      ...given("redundancy", redundancy),
      points,
    },
  };
};

/** The nodes of one entry of `nodes`: one, or with `repeat` as many as that says. */
export const readNodes = (reader: Reader, at: Field): readonly DraftNode[] => readEach(reader, at, nodeKeys, readNode);

/** Parents, cycles and double counting; gives the nodes with their counting decided. */
export const checkTree = (reader: Reader, drafts: readonly DraftNode[]): readonly SiteNode[] => {
  const byId = new Map<string, DraftNode>();
  for (const draft of drafts) {
    if (byId.has(draft.node.id))
      reader.fault(draft.at, `second node with the id ${quote(draft.node.id)}, ids are unique`);
    else byId.set(draft.node.id, draft);
  }
  const ancestors = (draft: DraftNode): DraftNode[] | "cycle" => {
    const found: DraftNode[] = [];
    for (let id = draft.node.parent; id !== null; ) {
      const parent = byId.get(id);
      if (parent === undefined) break;
      if (parent === draft || found.includes(parent)) return "cycle";
      found.push(parent);
      id = parent.node.parent;
    }
    return found;
  };
  const meters = (draft: DraftNode): boolean => draft.node.points.length > 0;
  return drafts.map((draft) => {
    const { node, parentAt, countingAt } = draft;
    if (node.parent !== null && !byId.has(node.parent) && parentAt !== null)
      reader.fault(parentAt, `unknown node ${quote(node.parent)}, expected the id of another node of this file`);
    const above = ancestors(draft);
    if (above === "cycle") {
      reader.fault(parentAt ?? draft.at, `node ${quote(node.id)} is its own ancestor`);
      return node;
    }
    const metered = above.find(
      (ancestor) => meters(ancestor) && ancestor.node.role === node.role && ancestor.node.counting === "counted",
    );
    if (metered !== undefined && countingAt !== null && node.counting === "counted" && meters(draft))
      reader.fault(
        countingAt,
        `node ${quote(node.id)} would be counted twice, the meter of ${quote(metered.node.id)} counts it already: use "detail"`,
      );
    const grouped = metered !== undefined || !meters(draft);
    return { ...node, counting: grouped && countingAt === null ? ("detail" as const) : node.counting };
  });
};
