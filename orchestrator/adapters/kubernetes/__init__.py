"""The store in a cluster: custom resources behind an API server, seen through watches and written by compare-and-swap.

`store` is the `Cluster` port; `connection` makes the requests and says what their failures mean; `wire` turns objects
into what the server keeps and back; `shelf` holds what is known of one kind, `reflector` keeps a shelf true by a watch;
`trail` is the audit trail, kept in `pages` and shown in part as Events (`notices`); `lease` elects one leader; `source`
finds the server and the credentials, `access` asks what they are good for.

What an API server cannot promise (one write over several objects, a uid of one's own choice) is said in docs/adr 0025
and 0026, who may write in 0027, what becomes of the trail in 0044.
"""
