const prefix = '1.2.840.10008.5.1.4.1.1.'

/** Without what most SOP classes have in common. */
const suffixes: Readonly<Record<string, readonly string[]>> = {
  CT: ['2', '2.1', '2.2'],
  MR: ['4', '4.1', '4.2', '4.3', '4.4'],
  PT: ['128', '128.1', '130'],
  MG: ['1.2', '1.2.1'],
  IO: ['1.3', '1.3.1'],
  OP: ['77.1.5.1', '77.1.5.2'],
  OPT: ['77.1.5.4'],
  ES: ['77.1.1', '77.1.1.1'],
  GM: ['77.1.2', '77.1.2.1'],
  SM: ['77.1.3', '77.1.6'],
  XC: ['77.1.4', '77.1.4.1'],
  ECG: ['9.1.1', '9.1.2', '9.1.3'],
  HD: ['9.2.1'],
  EPS: ['9.3.1'],
  RTIMAGE: ['481.1'],
  RTDOSE: ['481.2'],
  RTSTRUCT: ['481.3'],
  RTRECORD: ['481.4', '481.6', '481.7', '481.9'],
  RTPLAN: ['481.5', '481.8'],
  PR: ['11.1', '11.2', '11.3', '11.4', '11.5'],
  REG: ['66.1', '66.3'],
  FID: ['66.2'],
  SEG: ['66.4', '66.5'],
  SR: ['88.11', '88.22', '88.33', '88.34', '88.40', '88.50', '88.65', '88.67'],
  KO: ['88.59'],
}

/** PS3.3 Annex A: Storage SOP classes by the one Modality of their IOD. */
export const sopClassesByModality: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(suffixes).map(([modality, of]) => [modality, of.map(suffix => prefix + suffix)]),
)

const modalities: ReadonlyMap<string, string> = new Map(
  Object.entries(sopClassesByModality).flatMap(([modality, uids]) =>
    uids.map((uid): [string, string] => [uid, modality]),
  ),
)

/**
 * The Modality that the IOD of a SOP class fixes; undefined where it may be one of several (US and IVUS, DX and PX). What
 * is sent may have another all the same.
 */
export function modalityOf(sopClass: string): string | undefined {
  return modalities.get(sopClass)
}

/** Defined terms of Modality (PS3.3 §C.7.3.1.1.1) that archives see: the ones above, and those that share their IODs. */
export const usualModalities: ReadonlySet<string> = new Set([
  ...Object.keys(suffixes),
  ...['CR', 'DOC', 'DX', 'IVUS', 'NM', 'OCT', 'OT', 'PX', 'RF', 'US', 'XA'],
])
