import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import type { Contract, DemandTerms, Place, SiteModel, SiteNode, Transformer } from "./model.ts";
import { identifier } from "./site-field.ts";

/** Keys of a site file that say where a site is and by what it is connected. */
export const placeKeys = ["place", "transformers", "contract"] as const;

const orNull = <Value>(reader: Reader, fields: Fields, key: string, read: (at: Field) => Value | null): Value | null =>
  reader.optional<Value | null>(fields, key, null, (at) => (reader.isNone(at) ? null : read(at)));

const readPlace = (reader: Reader, at: Field): Place | null => {
  const fields = reader.map(at, ["country", "province", "city", "hub", "cluster"]);
  if (fields === null) return null;
  const text = (key: string) => orNull(reader, fields, key, reader.text);
  return {
    country: orNull(reader, fields, "country", (field) => {
      const code = reader.text(field);
      if (code === null || /^[A-Z]{2}$/.test(code)) return code;
      reader.fault(field, `must be two capital letters of ISO 3166-1 such as CN, got ${quote(code)}`);
      return null;
    }),
    province: text("province"),
    city: text("city"),
    hub: text("hub"),
    cluster: text("cluster"),
  };
};

const readTransformer = (reader: Reader, at: Field, nodes: readonly SiteNode[]): Transformer | null => {
  const fields = reader.map(at, ["id", "rating_va", "feed", "nodes"]);
  if (fields === null) return null;
  const id = reader.required(fields, "id", identifier(reader));
  const ratingVa = reader.required(fields, "rating_va", (field) => reader.number(field, { above: 0 }));
  const feed = orNull(reader, fields, "feed", reader.text);
  const supplied = reader.optional<readonly Field[]>(fields, "nodes", [], reader.list).map((field) => {
    const node = reader.text(field);
    if (node === null || nodes.some((candidate) => candidate.id === node)) return node;
    reader.fault(field, `unknown node ${quote(node)}, expected the id of a node of this file`);
    return null;
  });
  if (id === null || ratingVa === null) return null;
  return { id, ratingVa, feed, nodes: supplied.filter((node) => node !== null) };
};

const readContract = (reader: Reader, at: Field): Contract | null => {
  const fields = reader.map(at, ["import_limit_w", "export_limit_w", "capacity_va"]);
  if (fields === null) return null;
  return {
    importLimitW: orNull(reader, fields, "import_limit_w", (field) => reader.number(field, { above: 0 })),
    exportLimitW: orNull(reader, fields, "export_limit_w", (field) => reader.number(field, { min: 0 })),
    capacityVa: orNull(reader, fields, "capacity_va", (field) => reader.number(field, { above: 0 })),
  };
};

/** Place, transformers and contract limits, as far as a file says them. */
export const readPlaces = (
  reader: Reader,
  fields: Fields,
  nodes: readonly SiteNode[],
  demand: DemandTerms | null,
): Pick<SiteModel, "place" | "transformers" | "contract"> => {
  const place = orNull(reader, fields, "place", (at) => readPlace(reader, at));
  const contract = orNull(reader, fields, "contract", (at) => readContract(reader, at));
  const seen = new Set<string>();
  const transformers = reader.optional<readonly Field[]>(fields, "transformers", [], reader.list).map((at) => {
    const transformer = readTransformer(reader, at, nodes);
    if (transformer !== null && seen.has(transformer.id))
      reader.fault(at, `second transformer with the id ${quote(transformer.id)}`);
    if (transformer !== null) seen.add(transformer.id);
    return transformer;
  });
  const contractAt = fields.get("contract");
  const limitW = contract?.importLimitW ?? null;
  if (contractAt !== null && limitW !== null && demand !== null && demand.contractW > limitW)
    reader.fault(contractAt, `the demand contract of ${demand.contractW} W is above the import limit of ${limitW} W`);
  const known = transformers.filter((transformer) => transformer !== null);
  return {
    ...(place === null ? {} : { place }),
    ...(known.length === 0 ? {} : { transformers: known }),
    ...(contract === null ? {} : { contract }),
  };
};
