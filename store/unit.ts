declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]: Name };

/** UTC milliseconds since 1970. */
export type Timestamp = Branded<"ms">;
/** Active power in watts. */
export type Watts = Branded<"W">;
/** Active energy in watt-hours. */
export type WattHours = Branded<"Wh">;
/** Temperature in degrees Celsius. */
export type Celsius = Branded<"°C">;
/** Greenhouse gas in grams of CO2 equivalent. */
export type GramsCO2e = Branded<"gCO2e">;

/** Makers of branded numbers: the caller vouches for the unit, nothing is checked or converted. */
export const timestamp = (ms: number): Timestamp => ms as Timestamp;
export const watts = (w: number): Watts => w as Watts;
export const wattHours = (wh: number): WattHours => wh as WattHours;
export const celsius = (c: number): Celsius => c as Celsius;
export const gramsCO2e = (g: number): GramsCO2e => g as GramsCO2e;
