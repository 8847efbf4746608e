import { remembered } from '../remembered.ts'

/** How the values of a VR are compared with the bound that a rule sets. */
export interface Order {
  /** for messages: what a bound is, and what it looks like */
  kind: string
  example: string
  /**
   * What tells how a value lies to `bound`: below it (< 0), above it (> 0), or neither; NaN for a value that cannot be
   * compared. Undefined if `bound` itself cannot be.
   */
  against(bound: string): ((value: string) => number) | undefined
}

export const numbers: Order = {
  kind: 'a number',
  example: '2.5',
  against: bound => {
    const limit = numberOf(bound)
    return Number.isNaN(limit) ? undefined : value => numberOf(value) - limit
  },
}

/** PS3.5 §6.2, DS and IS; binary numbers are written in the same way. */
const numberOf = remembered(text =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN,
)

const daysOfUnit: Readonly<Record<string, number>> = { D: 1, W: 7, M: 365.25 / 12, Y: 365.25 }

/** PS3.5 §6.2, AS: a number of days, weeks, months or years. */
const ages: Order = {
  kind: 'an age',
  example: '"018Y"',
  against: bound => {
    const limit = daysOf(bound)
    return Number.isNaN(limit) ? undefined : value => daysOf(value) - limit
  },
}

const daysOf = remembered(age => {
  const [, count, unit = ''] = age.match(/^(\d{1,3})([DWMY])$/) ?? []
  return Number(count) * (daysOfUnit[unit] ?? Number.NaN)
})

const month = '(0[1-9]|1[0-2])'
const day = '(0[1-9]|[12]\\d|3[01])'
const hour = '([01]\\d|2[0-3])'
const minute = '([0-5]\\d)'
const second = '([0-5]\\d|60)'
const clock = `${hour}(:?${minute}(:?${second}(\\.\\d{1,6})?)?)?`
const isDate = new RegExp(`^\\d{4}(-?${month}(-?${day})?)?$`)
const isTime = new RegExp(`^${clock}$`)
const isDateTime = new RegExp(`^\\d{4}(-?${month}(-?${day}([T ]?${clock})?)?)?$`)

const dates: Order = {
  kind: 'a date',
  example: '"20240131", "2024-01-31" or "2024"',
  // with dots: ACR-NEMA (PS3.5 §6.2, DA)
  against: digitwise(isDate, '00000101', value => value.replaceAll('.', '')),
}

const times: Order = {
  kind: 'a time',
  example: '"07:30" or "0730"',
  against: digitwise(isTime, '000000000000', value => value),
}

const dateTimes: Order = {
  kind: 'a date, with or without time',
  example: '"20240131", "2024-01-31 07:30" or "2024"',
  // the clock on the wall counts, not where it hangs
  against: digitwise(isDateTime, '00000101000000000000', value => value.replace(/[+-]\d{4}$/, '')),
}

/**
 * Compares as precisely as the bound is given: all of January is "202401". What a value does not say is the earliest
 * that it may be, as `earliest` has it.
 */
function digitwise(form: RegExp, earliest: string, cleaned: (value: string) => string): Order['against'] {
  const digitsOf = (text: string) => (form.test(text) ? text.replace(/\D/g, '') : '')
  const completed = remembered(value => {
    const digits = digitsOf(cleaned(value))
    return digits && digits + earliest.slice(digits.length)
  })
  return bound => {
    const limit = digitsOf(bound)
    if (limit === '') return undefined
    return value => {
      const compared = completed(value).slice(0, limit.length)
      if (compared === '') return Number.NaN
      return compared < limit ? -1 : compared > limit ? 1 : 0
    }
  }
}

/** US or SS (`xs`), US or OW (`lt`): dcmjs' dictionary; the value of a sequence is the number of its items. */
const numeric = 'DS IS FL FD SS US SL UL SV UV xs lt SQ'.split(' ')
const orders: ReadonlyMap<string, Order> = new Map([
  ...numeric.map((vr): [string, Order] => [vr, numbers]),
  // not in the dictionary: what it is, only the dataset says
  ['UN', numbers],
  ['AS', ages],
  ['DA', dates],
  ['TM', times],
  ['DT', dateTimes],
])

/** Undefined where there is no less and no more. */
export function orderOf(vr: string): Order | undefined {
  return orders.get(vr)
}
