/** What every setting says of itself. */
interface Described {
  /** Whole sentences for the example file and the reference page: what it does, and why one would change it. */
  readonly description: string
  /** Without it the server does not start. */
  readonly required?: true
  /** Used when nothing is set; written as in YAML. */
  readonly default?: unknown
  /** Shown in the example file in place of the default. */
  readonly example?: unknown
  /** Never printed, and may be given as `KEY_file`: the path of a file that holds it. */
  readonly secret?: true
  /** Whether a running server takes a new value; otherwise it waits for the next start. */
  readonly reload?: true
  /** Whether the word `off` may stand in place of a value. */
  readonly off?: true
}

/** Text. `parse` gives its normal form, or undefined when it is not what is `expected`. */
export interface TextSetting extends Described {
  readonly kind: 'text'
  readonly parse?: (text: string) => string | undefined
  /** What must stand here, after "must be". */
  readonly expected?: string
  /** What to say to somebody who wrote this wrong text. */
  readonly fix?: (text: string) => string | undefined
  /** The part of a secret that may be shown. */
  readonly redact?: (text: string) => string
  /** Takes a mapping too, for JSON that was pasted without quotes; it becomes its JSON text. */
  readonly json?: true
}

/** A path, absolute once read: relative ones start from the configuration file's folder. */
export interface PathSetting extends Described {
  readonly kind: 'path'
}
export interface BooleanSetting extends Described {
  readonly kind: 'boolean'
}
export interface NumberSetting extends Described {
  readonly kind: 'number'
  readonly min: number
  readonly max: number
  readonly whole?: true
}
/** Milliseconds once read; written as `30s`, `5m`, `1h`, `7d`. */
export interface DurationSetting extends Described {
  readonly kind: 'duration'
}
/** Bytes once read; written as `512K`, `8M`. */
export interface SizeSetting extends Described {
  readonly kind: 'size'
}
export interface ChoiceSetting extends Described {
  readonly kind: 'choice'
  readonly values: readonly string[]
}
/** Any JSON object, passed on as it is. */
export interface JsonSetting extends Described {
  readonly kind: 'json'
}
/** A list; one value may stand alone for a list of one. */
export interface ListSetting extends Described {
  readonly kind: 'list'
  readonly of: Setting
  /** Fewest entries, where a list is given at all. */
  readonly min?: number
  /** A `KEY_file` of a secret list holds one entry a line; otherwise each file is one entry. */
  readonly lines?: true
}
export interface GroupSetting extends Described {
  readonly kind: 'group'
  readonly keys: Keys
}
/** A block whose `type` says which settings it has. */
export interface VariantsSetting extends Described {
  readonly kind: 'variants'
  readonly variants: Readonly<Record<string, Keys>>
  /** Types that one may expect but that do not exist yet, with what to say about them. */
  readonly missing: Readonly<Record<string, string>>
}

/** One setting, as plain data: types, defaults, checks, the example and the reference page are read from it. */
export type Setting =
  | TextSetting
  | PathSetting
  | BooleanSetting
  | NumberSetting
  | DurationSetting
  | SizeSetting
  | ChoiceSetting
  | JsonSetting
  | ListSetting
  | GroupSetting
  | VariantsSetting
export type Keys = { readonly [key: string]: Setting }

type Present<S> = S extends { required: true } | { default: unknown } | { kind: 'group' } ? true : false
type Flat<T> = { [K in keyof T]: T[K] }

type ValueOfKind<S> = S extends { kind: 'boolean' }
  ? boolean
  : S extends { kind: 'number' | 'duration' | 'size' }
    ? number
    : S extends { kind: 'choice'; values: readonly (infer V)[] }
      ? V
      : S extends { kind: 'list'; of: infer I }
        ? readonly ValueOf<I>[]
        : S extends { kind: 'group'; keys: infer K }
          ? ValuesOf<K>
          : S extends { kind: 'variants'; variants: infer V }
            ? { [T in keyof V]: Flat<{ readonly type: T } & ValuesOf<V[T]>> }[keyof V]
            : S extends { kind: 'json' }
              ? { readonly [key: string]: unknown }
              : string
/** The type of a setting once read. */
export type ValueOf<S> = S extends { off: true } ? ValueOfKind<S> | 'off' : ValueOfKind<S>
/** The type of a block of settings once read. */
export type ValuesOf<K> = Flat<
  { readonly [P in keyof K as Present<K[P]> extends true ? P : never]: ValueOf<K[P]> } & {
    readonly [P in keyof K as Present<K[P]> extends true ? never : P]?: ValueOf<K[P]>
  }
>

type InputOfKind<S> = S extends { kind: 'duration' | 'size' }
  ? number | string
  : S extends { kind: 'list'; of: infer I }
    ? InputOf<I> | readonly InputOf<I>[]
    : S extends { kind: 'group'; keys: infer K }
      ? InputsOf<K>
      : S extends { kind: 'variants'; variants: infer V }
        ? { [T in keyof V]: Flat<{ readonly type: T } & InputsOf<V[T]>> }[keyof V]
        : ValueOfKind<S>
/** What a program may write for a setting. */
export type InputOf<S> = S extends { off: true } ? InputOfKind<S> | 'off' : InputOfKind<S>
/** What a program may write for a block of settings; durations and sizes as text, or in milliseconds and bytes. */
export type InputsOf<K> = Flat<
  { readonly [P in keyof K]?: InputOf<K[P]> | undefined } & {
    readonly [P in keyof K & string as K[P] extends { secret: true } ? `${P}_file` : never]?:
      | (K[P] extends { kind: 'list' } ? string | readonly string[] : string)
      | undefined
  }
>

/** The setting whose secret the key names the file of, if it is such a key: `secret_file` stands for `secret`. */
export const secretOfFileKey = (keys: Keys, key: string): string | undefined => {
  const name = key.endsWith('_file') ? key.slice(0, -'_file'.length) : ''
  return !Object.hasOwn(keys, key) && Object.hasOwn(keys, name) && keys[name]?.secret ? name : undefined
}

/** Every name that may stand in this block. */
export const namesIn = (keys: Keys): string[] =>
  Object.entries(keys).flatMap(([key, setting]) => (setting.secret ? [key, `${key}_file`] : [key]))
