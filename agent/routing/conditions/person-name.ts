import { remembered } from '../remembered.ts'

/**
 * What a person name may be written as: the whole, and each of its component groups (PS3.5 §6.2.1: alphabetic,
 * ideographic, phonetic). Components that are left empty at the end are padding.
 */
export const namesIn = remembered((value): readonly string[] => {
  const groups = value.split('=').map(withoutEmptyEnd)
  const whole = groups.join('=').replace(/=+$/, '')
  return groups.length === 1 ? [whole] : [whole, ...groups.filter(group => group !== '')]
})

export function withoutEmptyEnd(group: string): string {
  let end = group.length
  while (end > 0 && (group[end - 1] === '^' || group[end - 1] === ' ')) end--
  return group.slice(0, end)
}
