import { isStorage, uidName } from './uids.ts'

/** PS3.7 §E.1: the names of requests by their Command Field. */
export const commandNames: ReadonlyMap<number, string> = new Map([
  [0x0001, 'C-STORE'],
  [0x0010, 'C-GET'],
  [0x0020, 'C-FIND'],
  [0x0021, 'C-MOVE'],
  [0x0030, 'C-ECHO'],
  [0x0100, 'N-EVENT-REPORT'],
  [0x0110, 'N-GET'],
  [0x0120, 'N-SET'],
  [0x0130, 'N-ACTION'],
  [0x0140, 'N-CREATE'],
  [0x0150, 'N-DELETE'],
  [0x0fff, 'C-CANCEL'],
])

const verification = '1.2.840.10008.1.1'

/** The command that a SOP class is for (PS3.4); undefined where it is for several, or is not the standard's. */
export function commandOf(abstractSyntax: string): string | undefined {
  if (isStorage(abstractSyntax)) return 'C-STORE'
  if (abstractSyntax === verification) return 'C-ECHO'
  const [, service] = uidName(abstractSyntax)?.match(/ - (FIND|MOVE|GET)( \(Retired\))?$/) ?? []
  return service && `C-${service}`
}
