"""Names that are often written without capital letters, and are not English words.

A list cannot be complete; it has first names, programs, languages and services that models of
language mention without having read them.
"""

from __future__ import annotations

from typing import Final

from codec.summaries.word_lists import words_of

KNOWN_NAMES: Final = frozenset(
    words_of("""
adam ahmed alex alice alina andrea andreas andrew anna anne anthony antonio arthur ben benjamin
bob brian carla carlos carol caroline charles charlie chloe chris christian christina claire clara
claudia daniel daniela dave david diego dmitri elena elias elizabeth ella emily emma eric erik eva
evelyn felix fernando francesca gabriel george greg hannah harry heidi helen henry hiroshi ian
igor ingrid isabel ivan jacob james jane jason javier jennifer jessica jim joe johanna john jonas
jorge jose joseph juan julia julian karen karl kate katherine kenji kevin lars laura leo leon liam
linda lisa louis luca lucas lucy luis luke maria marie mario markus marta martin mary mateo
matthew mehmet mia michael michelle miguel mike mohamed monica natalia nathan nicholas nicole
nikolai noah nora oliver olivia omar oscar pablo patricia paul paula pedro peter philip priya
rachel rahul ravi rebecca richard rob robert roberto ryan sam samuel sandra sara sarah sasha
sebastian simon sofia sophia sophie stefan steve steven susan svetlana sven tanya theo theresa
thomas tim tobias tom tony valentina vanessa victor victoria vladimir walter wei william yuki
yusuf aiohttp airflow algolia anaconda android angular ansible anthropic apache arduino auth0 aws
axios azure bazel bigquery bitbucket boto3 cassandra centos chatgpt chromium circleci clang
clickhouse cloudflare cmake codecov cockroachdb conda cpython datadog debian deno django docker
dropbox duckdb dynamodb elasticsearch erlang eslint ethereum etcd facebook fastapi fedora ffmpeg
figma firebase firefox fortran gcc gcp github gitlab golang google gpt gradle grafana graphql grpc
gunicorn hadoop haskell haproxy heroku hetzner hugo ibm influxdb ios istio java javascript jenkins
jira jquery jupyter kafka keras keycloak kibana kotlin kubernetes langchain laravel linkedin linux
litellm llama llvm logstash lua macos magento mariadb maven memcached microsoft minio mlflow mongo
mongodb mypy mysql neo4j netflix netlify nextjs nginx nodejs npm numpy nvidia okta ollama openai
openapi openshift opensearch pandas paypal perl php pinecone playwright pnpm podman postgres
postgresql powershell prometheus protobuf puppeteer pydantic pylint pytest python pytorch qdrant
rabbitmq redis redux reddit rsync rubygems salesforce scala scikit scipy selenium sendgrid shopify
solr splunk spotify sqlalchemy sqlite sqlserver ssh supabase svelte svn systemd tailwind telegram
tensorflow terraform trello twilio twitter typescript ubuntu unix uvicorn vercel vim vite vscode
vue vuejs wasm webpack wordpress xcode youtube zapier zookeeper zsh
""")
)
