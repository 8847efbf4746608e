/**
 * Kleene's three-valued logic: what needs bytes that have not arrived is unknown, neither true nor false, and
 * `false and unknown` is false.
 */
export type Truth = true | false | 'unknown'

export function negate(truth: Truth): Truth {
  return truth === 'unknown' ? truth : !truth
}

/** Whether `test` holds for every item; stops at the first for which it is false, whatever is unknown before it. */
export function every<T>(items: Iterable<T>, test: (item: T) => Truth): Truth {
  let result: Truth = true
  for (const item of items) {
    const truth = test(item)
    if (truth === false) return false
    if (truth === 'unknown') result = 'unknown'
  }
  return result
}

/** Whether `test` holds for any item; stops at the first for which it is true. */
export function some<T>(items: Iterable<T>, test: (item: T) => Truth): Truth {
  return negate(every(items, item => negate(test(item))))
}
