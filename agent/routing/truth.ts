/**
 * Kleene's three-valued logic: what needs bytes that have not arrived is unknown, neither true nor false, and
 * `false and unknown` is false.
 */
export type Truth = true | false | 'unknown'
