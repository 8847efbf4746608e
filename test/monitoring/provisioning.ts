// The files that Grafana is provisioned with, as https://grafana.com/docs/grafana/latest/administration/provisioning/ has
// them: there is no schema of these.

export interface Datasources {
  apiVersion: 1
  prune?: boolean
  deleteDatasources?: { name: string; orgId: number }[]
  datasources: Datasource[]
}

interface Datasource {
  name: string
  type: string
  access: 'proxy' | 'direct'
  orgId?: number
  uid?: string
  url?: string
  user?: string
  database?: string
  basicAuth?: boolean
  basicAuthUser?: string
  withCredentials?: boolean
  isDefault?: boolean
  jsonData?: Record<string, unknown>
  secureJsonData?: Record<string, string>
  version?: number
  editable?: boolean
}

export interface Dashboards {
  apiVersion: 1
  providers: Provider[]
}

interface Provider {
  name: string
  orgId?: number
  type: 'file'
  folder?: string
  folderUid?: string
  disableDeletion?: boolean
  updateIntervalSeconds?: number
  allowUiUpdates?: boolean
  options: { path: string; foldersFromFilesStructure?: boolean }
}
