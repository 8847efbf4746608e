import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The configuration of DCMTK's print programs with one printer, PRINTER; the result is its file. */
export async function printer(
  folder: string,
  { type, title, port }: { type: 'PRINTER' | 'LOCALPRINTER'; title: string; port: number },
  callingAE = 'DCMPSTATE',
): Promise<string> {
  for (const name of ['database', 'spool', 'lut']) await mkdir(join(folder, name), { recursive: true })
  const file = join(folder, 'dcmpstat.cfg')
  await writeFile(
    file,
    `[[GENERAL]]
[PRINT]
Directory = ${join(folder, 'spool')}
[DATABASE]
Directory = ${join(folder, 'database')}
[LUT]
Directory = ${join(folder, 'lut')}
[NETWORK]
Aetitle = ${callingAE}
[[COMMUNICATION]]
[PRINTER]
Type = ${type}
Aetitle = ${title}
Hostname = localhost
Port = ${port}
DisplayFormat = 1,1
MaxPDU = 16384
`,
  )
  return file
}
