declare module 'dcmjs/dictionary' {
  interface DictionaryEntry {
    tag: string
    vr?: string
    name?: string
    vm: string
    /** 'DICOM' and its supplements; 'DICOM/retired', 'PrivateTag', 'PRIVATE', 'ILLEGAL', 'GENERIC'. */
    version?: string
  }
  const dictionary: Readonly<Record<string, DictionaryEntry>>
  export default dictionary
}
