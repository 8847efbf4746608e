import type { Report } from '../errors.ts'
import { type TimeSource, type Weekday, weekdays } from '../schema.ts'

const minutesOfDay = 24 * 60

/**
 * Whether a moment, in milliseconds since 1970 UTC, lies in a window of the week. One that goes over midnight belongs to
 * the day on which it begins. What counts is the clock on the wall, also when it is put forward or back.
 */
export function compileTime(source: TimeSource, report: Report): (at: number) => boolean {
  const { days, zone, from = '00:00', to = '24:00' } = source
  if (days === undefined && source.from === undefined && source.to === undefined) {
    report([], 'time needs days, from or to: else it would always hold')
  }
  const start = minutesOf(from)
  const end = minutesOf(to)
  if (start === end) report(['to'], 'to is the same as from: leave both out for the whole day')
  const clock = wallClock(zone)
  if (!clock) {
    report(['zone'], `unknown time zone "${zone}": ${zoneHint(zone)}`)
    return () => false
  }

  const overMidnight = end < start
  const isDay = (day: Weekday) => days === undefined || days.includes(day)
  return at => {
    const { day, minute } = clock(at)
    if (!overMidnight) return isDay(day) && minute >= start && minute < end
    return (isDay(day) && minute >= start) || (isDay(dayBefore(day)) && minute < end)
  }
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return Math.min(hours * 60 + minutes, minutesOfDay)
}

function dayBefore(day: Weekday): Weekday {
  return weekdays[(weekdays.indexOf(day) + 6) % 7] ?? day
}

interface WallClock {
  day: Weekday
  minute: number
}

const msOfMinute = 60_000

/** What the clock shows in a zone; undefined for a zone that there is not. */
function wallClock(zone: string): ((at: number) => WallClock) | undefined {
  const format = formatIn(zone)
  if (!format) return undefined
  // formatting is slow, and many associations come in the same minute
  let minuteShown = Number.NaN
  let shown: WallClock = { day: 'mon', minute: 0 }
  return at => {
    const minute = Math.floor(at / msOfMinute)
    if (minute !== minuteShown) {
      minuteShown = minute
      shown = show(format, at)
    }
    return shown
  }
}

function show(format: Intl.DateTimeFormat, at: number): WallClock {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
  const weekday = parts.get('weekday')?.toLowerCase()
  const day = weekdays.find(name => name === weekday) ?? 'mon'
  return { day, minute: minutesOf(`${parts.get('hour')}:${parts.get('minute')}`) }
}

function formatIn(zone: string): Intl.DateTimeFormat | undefined {
  // an offset is no zone: it does not know of summer
  if (!/^[A-Za-z]/.test(zone)) return undefined
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function zoneHint(zone: string): string {
  const city = zone.slice(zone.lastIndexOf('/') + 1).toLowerCase()
  const meant = Intl.supportedValuesOf('timeZone').find(name => name.toLowerCase().endsWith(`/${city}`))
  return meant === undefined ? 'use a name such as Europe/Zurich' : `did you mean ${meant}?`
}
