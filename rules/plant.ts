import type { Account, SiteModel, SiteNode } from "#energy";
import type { Reading } from "#store";
import type { Facts } from "./evaluate.ts";
import { type SitePlan, sumOf } from "./site-plan.ts";
import { createTrack, type SavedTrack } from "./track.ts";

/** What storage, generators and renewables say of themselves beside their meters, and where they can be read. */
export interface Plant {
  note(reading: Reading, known: number): void;
  readonly notes: (quantity: string) => boolean;
  /** `standing`: of the nodes without those that a work permit isolates. */
  at(standing: SitePlan, account: Account): Facts;
  version(node: SiteNode, account: Account): number | null;
  save(): SavedPlant;
}

/** By quantity. */
export type SavedPlant = Readonly<Record<string, SavedTrack>>;

const limitAgeMs = 300_000;
// States are told when they change, and once in a while.
const stateAgeMs = 900_000;

/** Which facts stand on which quantity, and whose. */
const tracked: readonly (readonly [quantity: string, kinds: readonly string[], facts: readonly string[]])[] = [
  ["discharge_limit_w", ["battery", "ups"], ["storage_give_w"]],
  ["charge_limit_w", ["battery", "ups"], ["storage_take_w"]],
  ["soh_pct", ["battery", "ups"], ["storage_soh_pct"]],
  ["runtime_s", ["battery", "ups"], ["storage_runtime_s"]],
  ["forecast_w", ["pv", "wind"], ["forecast_w"]],
  ["irradiance_w_per_m2", [], ["irradiance_w_per_m2"]],
  ["genset_auto", ["genset"], ["gensets_available", "genset_available_w"]],
  ["genset_start_failed", ["genset"], ["gensets_available", "genset_available_w"]],
  ["software_version", [], ["software_version"]],
];

/** Quantities of readings that a fact stands on. */
export const plantQuantities = (fact: string): readonly string[] =>
  tracked.flatMap(([quantity, , facts]) => (facts.includes(fact) ? [quantity] : []));

export const createPlant = (model: SiteModel, reads: ReadonlySet<string>, saved: SavedPlant = {}): Plant => {
  const devicesOf = (kinds: readonly string[]): ReadonlySet<string> =>
    new Set(
      model.nodes
        .filter(({ kind }) => kinds.includes(kind))
        .flatMap(({ points }) => points.map(({ device }) => device)),
    );
  const tracks = new Map(
    tracked
      .filter(([, , facts]) => facts.some((name) => reads.has(name)))
      .map(([quantity, kinds]) => {
        const devices = devicesOf(kinds);
        const wants = (device: string): boolean => kinds.length === 0 || devices.has(device);
        return [quantity, createTrack(quantity, wants, saved[quantity])] as const;
      }),
  );
  const said = (quantity: string, devices: readonly string[] | undefined, at: number, ageMs: number): number | null => {
    const track = tracks.get(quantity);
    if (track === undefined || devices === undefined) return null;
    let sum: number | null = null;
    for (const device of devices) {
      const value = track.at(at, ageMs, device);
      if (value !== null) sum = (sum ?? 0) + value;
    }
    return sum;
  };
  const gensetFacts = ({ nodes, devices }: SitePlan["gensets"], at: number): Facts => {
    const states = devices.map((one) => {
      const auto = said("genset_auto", one, at, stateAgeMs);
      return auto === null ? null : auto > 0.5 && (said("genset_start_failed", one, at, stateAgeMs) ?? 0) < 0.5;
    });
    const isKnown = states.every((state) => state !== null);
    const ready = nodes.filter((_, index) => states[index] === true);
    return {
      genset_count: nodes.length,
      gensets_available: isKnown ? ready.length : null,
      genset_available_w: isKnown ? sumOf(ready.map(({ ratingW }) => ratingW)) : null,
    };
  };
  return {
    note(reading, known) {
      for (const track of tracks.values()) track.note(reading, known);
    },
    notes: (quantity) => tracks.has(quantity),
    at({ storages, renewables, backups, gensets }, { end }) {
      const { nodes, devices, capacityWh } = storages;
      const limit = (quantity: string): number | null =>
        sumOf(nodes.map(({ ratingW }, unit) => said(quantity, devices[unit], end, limitAgeMs) ?? ratingW));
      const health = tracks.has("soh_pct")
        ? sumOf(
            nodes.map((node, unit) => {
              const soh = said("soh_pct", devices[unit], end, 86_400_000);
              return soh === null || node.capacityWh === null ? null : soh * node.capacityWh;
            }),
          )
        : null;
      let runtimeS: number | null = null;
      for (const one of backups.devices) {
        const seconds = said("runtime_s", one, end, limitAgeMs);
        if (seconds !== null) runtimeS = Math.min(runtimeS ?? seconds, seconds);
      }
      const forecasts = renewables.devices.map((one) => said("forecast_w", one, end, stateAgeMs));
      return {
        storage_give_w: limit("discharge_limit_w"),
        storage_take_w: limit("charge_limit_w"),
        storage_soh_pct: health === null || capacityWh === null || capacityWh === 0 ? null : health / capacityWh,
        storage_runtime_s: runtimeS,
        forecast_w: renewables.nodes.length === 0 ? null : sumOf(forecasts),
        irradiance_w_per_m2: tracks.get("irradiance_w_per_m2")?.at(end, stateAgeMs) ?? null,
        ...gensetFacts(gensets, end),
      };
    },
    version: (node, { end }) => said("software_version", devicesIn(node), end, 7 * 86_400_000),
    save: () => Object.fromEntries([...tracks].map(([quantity, track]) => [quantity, track.save()])),
  };
};

const devicesIn = ({ points }: SiteNode): readonly string[] => [...new Set(points.map(({ device }) => device))];
