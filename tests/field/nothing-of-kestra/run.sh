docker run -e SECRET_DB_PASSWORD=wren-42! kestra/kestra:latest server local
helm upgrade --install kestra kestra/kestra --set common.extraEnv[0].name=SECRET_X --set common.extraEnv[0].value=tern,77
