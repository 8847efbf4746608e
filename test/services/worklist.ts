import { writeFile } from 'node:fs/promises'
import { run } from './service.ts'

/** The one step on every worklist, as dcmjs writes it. */
export const found = { PatientID: 'WL-1', PatientName: 'Phantom^Work' }

/** The same as a file of a worklist, with all that wlmscpfs demands. */
export async function writeWorklist(file: string): Promise<void> {
  await writeFile(
    `${file}.dump`,
    `(0008,0050) SH [W-1]
(0010,0010) PN [${found.PatientName}]
(0010,0020) LO [${found.PatientID}]
(0010,0030) DA [19700101]
(0010,0040) CS [O]
(0020,000d) UI [1.2.3.4.5]
(0032,1032) PN [Doctor^A]
(0032,1060) LO [CT head]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [CT]
(0040,0001) AE [CT_1]
(0040,0002) DA [20260101]
(0040,0003) TM [080000]
(0040,0006) PN [Doctor^B]
(0040,0007) LO [CT head]
(0040,0009) SH [SPS-1]
(0040,0010) SH [ROOM]
(0040,0011) SH [ROOM]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [RP-1]
(0040,1003) SH [LOW]
`,
  )
  await run('dump2dcm', `${file}.dump`, file)
}
