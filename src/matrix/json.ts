/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject

/** A JSON object. Read it with {@link own} when the key comes from outside: `object['constructor']` is not JSON. */
export type JsonObject = { [key: string]: Json }

/** Whether the value is a JSON object (not null, not an array). */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object's own value at a key, never one inherited from a prototype; undefined when absent or when it is no object. */
export const own = (object: unknown, key: string): Json | undefined =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined
