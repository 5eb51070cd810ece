/** Where the page is, as its address says it: `#/models?find=jet&sort.Models=-p99`. Whoever is sent it sees the same. */

/** Snapshots are numbered anew by every process: the number alone could mean another one. */
export interface Moment {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Place {
  /** Empty: the first one. */
  readonly view: string;
  /** What is searched for; may be empty. */
  readonly find: string;
  /** How tables are sorted, which charts are tables, what is open. */
  readonly settings: ReadonlyMap<string, string>;
  /** Of the snapshot that is shown; absent: the newest one is. */
  readonly frozen?: Moment;
}

export function readPlace(hash: string): Place {
  const whole = hash.replace(/^#\/?/, "");
  const end = whole.indexOf("?");
  const settings = new Map(end < 0 ? [] : new URLSearchParams(whole.slice(end + 1)));
  const taken = (key: string) => {
    const value = settings.get(key);
    settings.delete(key);
    return value;
  };
  const [find = "", id, at] = ["find", "snapshot", "at"].map(taken);
  return {
    view: end < 0 ? whole : whole.slice(0, end),
    ...{ find, settings },
    ...(id === undefined && at === undefined ? {} : { frozen: { id: id ?? "", at: at ?? "" } }),
  };
}

export function writePlace({ view, find, settings, frozen }: Place): string {
  const query = new URLSearchParams([
    ...(find === "" ? [] : [["find", find]]),
    ...settings,
    ...(frozen === undefined
      ? []
      : [
          ["snapshot", frozen.id],
          ["at", frozen.at],
        ]),
  ]);
  return `#/${view}${query.size === 0 ? "" : `?${query}`}`;
}

/** Goes along to where a link leads within the page; what is open at one place is not open at the next. */
export function lasting(settings: Place["settings"]): Place["settings"] {
  return new Map([...settings].filter(([key]) => /^(sort|as)\.|^scale$/.test(key)));
}

export const here = (): Place => readPlace(location.hash);

/** The address says so from now on; nothing is drawn, and nothing to go back to is left behind. */
export const stay = (place: Place): void =>
  window.history.replaceState(null, "", writePlace(place));

export const setting = (key: string): string | undefined => here().settings.get(key);

/** @param value undefined: as it is where nobody says otherwise */
export function set(key: string, value: string | undefined): void {
  const settings = new Map(here().settings);
  if (value === undefined) settings.delete(key);
  else settings.set(key, value);
  stay({ ...here(), settings });
}
