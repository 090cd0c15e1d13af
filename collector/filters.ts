import type { Mapping, TopicPattern } from "./decoders/mapping.ts";
import { type Shard, shardOf } from "./shard.ts";

/** What is asked of a broker that is not ours. */
export interface FilterWish {
  /** Null: what the decoders and mappings read. */
  readonly topics: readonly string[] | null;
  readonly mappings: readonly Mapping[];
  /** Null: any site there may be. */
  readonly sites: readonly string[] | null;
  readonly shard: Shard | null;
  readonly shareGroup: string | null;
}

const native = ["dc/+/+/telemetry", "dc/+/+/batch", "dc/+/+/status"];
// Gen1; then Gen2 and later, which keep their own prefix or stand below a site and a name of ours.
const shelly = [
  "shellies/#",
  ...["+", "dc/+/+"].flatMap((at) => [`${at}/events/rpc`, `${at}/status/+`, `${at}/online`]),
];

/** The filters to subscribe to, without repetition. With named sites only the shard's own are asked for. */
export const filtersOf = (wish: FilterWish): readonly string[] => {
  const topics = wish.topics ?? [...native, ...shelly, ...wish.mappings.map(({ topic }) => filterOf(topic))];
  const owns = ownerTest(wish.shard);
  const own = wish.sites?.filter(owns) ?? null;
  const filters = topics.flatMap((topic) =>
    own !== null && topic.startsWith("dc/+/") ? own.map((site) => `dc/${site}/${topic.slice(5)}`) : [topic],
  );
  const { shareGroup } = wish;
  return [...new Set(shareGroup === null ? filters : filters.map((filter) => `$share/${shareGroup}/${filter}`))];
};

/** Whether a site is this shard's. */
export const ownerTest =
  (shard: Shard | null): ((site: string) => boolean) =>
  (site) =>
    shard === null || shardOf(site, shard.of) === shard.number;

/** Why a text is no topic filter; null when it is one. [MQTT-4.7.1-2] [MQTT-4.7.1-3] */
export const filterFault = (filter: string): string | null => {
  const levels = filter.split("/");
  if (filter === "") return "is empty";
  if (filter.startsWith("$")) return 'begins with "$": a share group has its own setting';
  if (levels.slice(0, -1).includes("#")) return 'has "#" before its end';
  return levels.some((level) => level.length > 1 && /[#+]/.test(level))
    ? "has a wildcard that does not stand alone"
    : null;
};

const filterOf = (pattern: TopicPattern): string =>
  pattern.map((level) => (level.kind === "literal" ? level.text : level.kind === "rest" ? "#" : "+")).join("/");
